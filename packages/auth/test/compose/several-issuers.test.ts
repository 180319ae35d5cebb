/** Tokens of several issuers at one gateway: each is judged by its own issuer's keys, and by nobody else's. */
import { identity, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { allOf, anyOf, apiKey, apiKeyDigest, introspection, jwt, optional, refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'
import { bearer, keyPair, signedToken } from '../tokens.ts'

const [OURS, THEIRS] = ['https://ours.example', 'https://theirs.example'] as const
const ours = await keyPair('P-256', 'one')
const theirs = await keyPair('P-256', 'one')
const by = async (key: typeof ours, iss: string | undefined) =>
  await signedToken(key.privateKey, { alg: 'ES256', kid: 'one' }, iss === undefined ? {} : { iss })
const issuedBy = (issuer: string, keys: typeof ours) => jwt({ algorithms: ['ES256'], issuer, keys: keys.jwk })

function gateway(...strategies: Parameters<typeof anyOf>) {
  const events = record(refused)
  const { inject, errors } = setUp([anyOf(...strategies), (x) => Reply.json(x.peek(identity))])
  return async (headers: Record<string, string>) => {
    const reply = await inject({ headers })
    expect(errors).toEqual([])
    if (reply.status !== 200) return `${reply.status} ${events.at(-1)?.reason}`
    const { scheme, claims } = (await reply.json()) as { scheme: string; claims: { iss?: string } }
    return `${scheme} ${claims.iss}`
  }
}

describe('two issuers', () => {
  it('each have their tokens judged by their own keys', async () => {
    const ask = gateway(issuedBy(OURS, ours), issuedBy(THEIRS, theirs))
    expect(await ask(bearer(await by(ours, OURS)))).toBe(`jwt ${OURS}`)
    expect(await ask(bearer(await by(theirs, THEIRS)))).toBe(`jwt ${THEIRS}`)
  })

  it('can not write tokens for each other, nor for anybody else', async () => {
    const ask = gateway(issuedBy(OURS, ours), issuedBy(THEIRS, theirs))
    expect(await ask(bearer(await by(theirs, OURS)))).toBe('401 signature')
    expect(await ask(bearer(await by(ours, THEIRS)))).toBe('401 signature')
    expect(await ask(bearer(await by(ours, 'https://else.example')))).toBe('401 issuer')
    expect(await ask(bearer(await by(ours, undefined)))).toBe('401 missing-claim')
    // The first that is meant decides: what else is there does not make up for it.
    const key = apiKey({ keys: [{ sha256: apiKeyDigest('k'.repeat(32)), subject: 'shop' }] })
    const either = gateway(issuedBy(OURS, ours), key)
    expect(await either({ ...bearer(await by(theirs, OURS)), 'X-API-Key': 'k'.repeat(32) })).toBe('401 signature')
  })

  it('leave a stranger’s token to nobody: it is refused, also where strangers are let pass', async () => {
    const { status, fake } = setUp([optional(anyOf(issuedBy(OURS, ours), issuedBy(THEIRS, theirs)))])
    expect(await status(bearer(await by(ours, 'https://else.example')))).toBe(401)
    expect(await status(bearer('opaque'))).toBe(401)
    expect(fake.requests).toHaveLength(0)
    expect(await status()).toBe(200)
  })

  it('may be asked for together with something else', async () => {
    const key = apiKey({ keys: [{ sha256: apiKeyDigest('k'.repeat(32)), subject: 'shop' }] })
    const ask = gateway(allOf(issuedBy(OURS, ours), key), issuedBy(THEIRS, theirs))
    expect(await ask(bearer(await by(theirs, THEIRS)))).toBe(`jwt ${THEIRS}`)
    expect(await ask(bearer(await by(ours, OURS)))).toBe('401 issuer')
  })
})

describe('tokens that say nothing', () => {
  it('are for the server that knows them, and those that are signed are not', async () => {
    const asked: string[] = []
    const opaque = introspection({
      url: 'https://login.example/introspect',
      clientId: 'a',
      clientSecret: 'b',
      fetch: async (_, { body }) => {
        const token = new URLSearchParams(body).get('token')!
        asked.push(token)
        return Response.json({ active: token === 'good', sub: 'ada' })
      },
    })
    const ask = gateway(issuedBy(OURS, ours), opaque)
    expect(await ask(bearer(await by(ours, OURS)))).toBe(`jwt ${OURS}`)
    expect(await ask(bearer(await by(theirs, OURS)))).toBe('401 signature')
    expect([await ask(bearer('good')), await ask(bearer('bad'))]).toEqual(['introspection undefined', '401 inactive'])
    expect(asked).toEqual(['good', 'bad'])
  })
})
