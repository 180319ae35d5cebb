/** The token that the upstream gets. */
import { generateKeyPairSync } from 'node:crypto'
import type { Identity, Middleware } from '@sluice/core'
import { jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { defineStrategy, optional, passJwt, type PassJwtOptions } from '../../src/index.ts'
import { setUp } from '../set-up.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const START = Date.parse('2026-01-01T00:00:00.900Z')
const OPTIONS: PassJwtOptions = {
  algorithm: 'ES256',
  key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  kid: 'gateway-1',
  issuer: 'gateway',
  audience: 'orders',
}
const ada: Identity = Object.freeze({
  subject: 'ada',
  scheme: 'basic',
  scopes: ['read', 'write'],
  roles: ['admin'],
  claims: { email: 'ada@example.com', secret: 'stays here' },
  raw: undefined,
})

function gateway(options: Partial<PassJwtOptions> = {}, identities: () => Identity | undefined = () => ada) {
  const strategy = defineStrategy({
    scheme: 'test',
    authenticate: () => {
      const identity = identities()
      return identity === undefined ? { kind: 'absent' } : { kind: 'accepted', identity }
    },
  })
  const set = setUp([optional(strategy), passJwt({ ...OPTIONS, ...options }) as Middleware], { wallTime: START })
  return {
    ...set,
    token: async (headers: Record<string, string> = {}, name = 'authorization') => {
      expect((await set.inject({ headers })).status).toBe(200)
      return set.last().header(name)
    },
  }
}

describe('passJwt', () => {
  it('signs who it is, for one upstream and a short time', async () => {
    const { token } = gateway({ claims: ['email', 'missing'] })
    const value = await token()
    expect(value).toMatch(/^Bearer /)
    const { payload, protectedHeader } = await jwtVerify(value!.slice('Bearer '.length), publicKey, {
      issuer: 'gateway',
      audience: 'orders',
      currentDate: new Date(START),
    })
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT', kid: 'gateway-1' })
    expect(payload).toEqual({
      iss: 'gateway',
      aud: 'orders',
      sub: 'ada',
      iat: 1_767_225_600,
      exp: 1_767_225_660,
      scope: 'read write',
      roles: ['admin'],
      amr: ['basic'],
      email: 'ada@example.com',
    })
  })

  it('replaces what the client has sent, and removes it where nobody is known', async () => {
    const { token } = gateway({ header: 'X-Identity' })
    expect(await token({ 'X-Identity': 'forged', x_identity: 'forged' }, 'x-identity')).toMatch(/^ey/)
    expect(await token({ x_identity: 'forged' }, 'x_identity')).toBeUndefined()
    const nobody = gateway({}, () => undefined)
    expect(await nobody.token({ Authorization: 'Bearer forged' })).toBeUndefined()
  })

  it('uses a token for half of its life', async () => {
    const { token, clock } = gateway()
    const first = await token()
    expect(await token()).toBe(first)
    clock.advance(29_999)
    expect(await token()).toBe(first)
    clock.advance(1)
    const second = await token()
    expect(second).not.toBe(first)
    expect(await token()).toBe(second)
  })

  it('signs once for many who come at once, and never one token for two', async () => {
    const { inject, fake } = gateway()
    await Promise.all(Array.from({ length: 10 }, () => inject()))
    // A signature of ES256 is another one each time.
    expect(new Set(fake.requests.map((each) => each.header('authorization'))).size).toBe(1)
    const who = [ada, { ...ada, subject: 'bob' }]
    let turn = 0
    const both = gateway({}, () => who[turn++ % 2])
    await Promise.all(Array.from({ length: 10 }, () => both.inject()))
    const subjects = both.fake.requests.map((each) => subjectOf(each.header('authorization')!))
    expect(subjects.map(String).toSorted()).toEqual([...Array<string>(5).fill('ada'), ...Array<string>(5).fill('bob')])
  })
})

function subjectOf(token: string): unknown {
  return (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sub: unknown }).sub
}
