/** What the upstream is told of the client, and that the client can't say it itself. */
import type { Identity, Middleware } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { defineStrategy, optional, passIdentity, type PassIdentityOptions } from '../../src/index.ts'
import { setUp } from '../set-up.ts'

const ada: Identity = {
  subject: 'ada',
  scheme: 'test',
  scopes: ['read', 'write'],
  roles: [],
  claims: {
    email: 'ada@example.com',
    level: 3,
    admin: true,
    nothing: null,
    address: { city: 'Köln' },
    groups: ['a,b', 'c d', '%'],
  },
  raw: undefined,
}
const as = (identity: Identity | undefined) =>
  optional(
    defineStrategy({
      scheme: 'test',
      authenticate: () => (identity === undefined ? { kind: 'absent' } : { kind: 'accepted', identity }),
    }),
  )
const HEADERS: PassIdentityOptions['headers'] = {
  'X-User': 'subject',
  'X-Scheme': 'scheme',
  'X-Scopes': 'scopes',
  'X-Roles': 'roles',
  'X-Email': { claim: 'email' },
  'X-Level': { claim: 'level' },
  'X-Admin': { claim: 'admin' },
  'X-Nothing': { claim: 'nothing' },
  'X-Missing': { claim: 'missing' },
  'X-Inherited': { claim: 'toString' },
  'X-Address': { claim: 'address' },
  'X-Groups': { claim: 'groups' },
}

async function told(identity: Identity | undefined, headers: Record<string, string> = {}) {
  const pass = passIdentity({ headers: HEADERS }) as Middleware
  const { inject, last } = setUp([as(identity), pass])
  expect((await inject({ headers })).status).toBe(200)
  return Object.fromEntries(last().headers.filter(([name]) => /^x.(?!forwarded)/i.test(name)))
}

describe('passIdentity', () => {
  it('tells parts of the identity in fields', async () => {
    expect(await told(ada)).toEqual({
      'X-User': 'ada',
      'X-Scheme': 'test',
      'X-Scopes': 'read,write',
      'X-Roles': '',
      'X-Email': 'ada@example.com',
      'X-Level': '3',
      'X-Admin': 'true',
      'X-Address': '{"city":"K%C3%B6ln"}',
      'X-Groups': 'a%2Cb,c d,%25',
    })
  })

  it('removes what the client has sent under these names, however it is written, known or not', async () => {
    const forged = { 'x-USER': 'eve', X_User: 'eve', 'X-Missing': 'eve', x_missing: 'eve', 'X-Other': 'stays' }
    expect(await told(undefined, forged)).toEqual({ 'X-Other': 'stays' })
    expect(await told(ada, forged)).toMatchObject({ 'X-User': 'ada', 'X-Other': 'stays' })
    expect(Object.keys(await told(ada, forged))).not.toContain('X_User')
  })

  it.each([
    ['a\r\nX-Admin: 1', 'a%0D%0AX-Admin: 1'],
    ['\u20ac %41', '%E2%82%AC %2541'],
    [' ada ', '%20ada%20'],
    ['CN=ada, O="Example"', 'CN=ada, O="Example"'],
    ['\ud800', '%EF%BF%BD'],
    ['\0', '%00'],
  ])('writes %j so that it is one value and nothing else', async (subject, expected) => {
    expect(await told({ ...ada, subject })).toMatchObject({ 'X-User': expected, 'X-Admin': 'true' })
  })
})
