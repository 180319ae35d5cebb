/** Keys that an issuer publishes, over real sockets: rotation, how often it is asked, and what happens when it is away. */
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { type FetchFunction, jwt, type JwtOptions, keysFetched, keysFetchFailed, refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'
import { bearer, keyPair, NOW, signedToken, type TestKey } from '../tokens.ts'
import { keyServer } from './key-server.ts'

const OLD = await keyPair('P-256', 'old')
const NEW = await keyPair('P-256', 'new')
const NEWEST = await keyPair('P-256', 'newest')

let serial = 0
/** Each is another token, so that none is known already. */
const tokenOf = async ({ privateKey, jwk }: TestKey, claims = {}) =>
  await signedToken(privateKey, { alg: 'ES256', kid: jwk.kid! }, { exp: NOW + 1e6, jti: String(serial++), ...claims })

function gateway(options: Partial<JwtOptions>) {
  const strategy = jwt({ algorithms: ['ES256'], ...options })
  const { status, inject, clock, errors } = setUp([strategy])
  return {
    clock,
    errors,
    inject,
    keys: () => strategy.snapshot().details!['keys'],
    ask: async (key: TestKey, claims = {}) => await status(bearer(await tokenOf(key, claims))),
  }
}

describe('published keys', () => {
  it('are fetched once, when the first token comes, and used from then on', async () => {
    const events = record(keysFetched)
    const server = await keyServer([OLD.jwk])
    const { ask, keys } = gateway({ jwksUrl: server.jwksUrl })
    expect(server.paths()).toEqual([])
    expect(await Promise.all(Array.from({ length: 5 }, () => ask(OLD)))).toEqual(Array(5).fill(200))
    expect(await ask(OLD)).toBe(200)
    expect(server.paths()).toEqual(['/keys'])
    expect(keys()).toMatchObject({ keys: 1, kids: ['old'], failures: 0, fetchedAt: NOW * 1_000 + 789 })
    expect(events).toEqual([{ url: server.jwksUrl, kids: ['old'] }])
  })

  it('are fetched anew for a key that is not known, by one of many, and not again within the cooldown', async () => {
    const server = await keyServer([OLD.jwk])
    const { ask, clock } = gateway({ jwksUrl: server.jwksUrl, keysCooldownMs: 30_000 })
    expect(await ask(OLD)).toBe(200)
    server.state.keys = [OLD.jwk, NEW.jwk]
    // It was asked a moment ago.
    expect(await ask(NEW)).toBe(401)
    clock.advance(30_000)
    expect(await Promise.all([ask(NEW), ask(NEW), ask(OLD), ask(NEW)])).toEqual([200, 200, 200, 200])
    expect(server.paths()).toEqual(['/keys', '/keys'])
    // A flood of names that nobody knows.
    expect(await Promise.all(Array.from({ length: 20 }, () => ask(NEWEST)))).toEqual(Array(20).fill(401))
    expect(server.paths()).toHaveLength(2)
    clock.advance(30_000)
    await Promise.all(Array.from({ length: 20 }, () => ask(NEWEST)))
    expect(server.paths()).toHaveLength(3)
  })

  it('are replaced when they are too old: one that is not published any more is not good any more', async () => {
    const server = await keyServer([OLD.jwk, NEW.jwk])
    const { ask, clock } = gateway({ jwksUrl: server.jwksUrl, keysMaxAgeMs: 60_000 })
    expect(await ask(OLD)).toBe(200)
    server.state.keys = [NEW.jwk]
    expect(await ask(OLD)).toBe(200)
    clock.advance(60_000)
    expect(await Promise.all([ask(OLD), ask(NEW)])).toEqual([401, 200])
    expect(server.paths()).toHaveLength(2)
  })

  it('are fetched ahead of their end, while nobody waits', async () => {
    const server = await keyServer([OLD.jwk])
    const { ask, clock, keys } = gateway({ jwksUrl: server.jwksUrl, keysMaxAgeMs: 100_000 })
    expect(await ask(OLD)).toBe(200)
    server.state.keys = [NEW.jwk]
    clock.advance(80_000)
    expect(await ask(OLD)).toBe(200)
    await waitFor(() => (keys() as { kids: string[] }).kids.includes('new'))
    expect(await ask(OLD)).toBe(401)
  })

  it.each<[string, unknown]>([
    ['no keys', { keys: [] }],
    ['a list', []],
    ['keys that are none', { keys: [null, 7, {}, { kty: 'RSA' }] }],
    ['an object in the place of the list', { keys: {} }],
    ['secrets', { keys: [{ kty: 'oct', k: 'A'.repeat(64), kid: 'old' }] }],
    ['private keys', { keys: [OLD.privateJwk] }],
    ['too many keys', { keys: Array(201).fill(OLD.jwk) }],
    ['text', 'keys'],
  ])('of no use (%s) leave those of before', async (_, body) => {
    const failures = record(keysFetchFailed)
    const server = await keyServer([OLD.jwk])
    const { ask, clock } = gateway({ jwksUrl: server.jwksUrl, keysMaxAgeMs: 60_000 })
    expect(await ask(OLD)).toBe(200)
    server.state.answer = () => ({ body: JSON.stringify(body) })
    clock.advance(60_000)
    expect(await ask(OLD)).toBe(200)
    expect(failures).toMatchObject([{ hasKeys: true }])
  })

  it('that can not be read are passed over, one by one', async () => {
    const server = await keyServer([{ kty: 'RSA', n: 'x', e: 'AQAB' }, { ...NEW.jwk, use: 'enc' }, OLD.jwk])
    const { ask, keys } = gateway({ jwksUrl: server.jwksUrl })
    expect([await ask(OLD), await ask(NEW)]).toEqual([200, 401])
    expect(keys()).toMatchObject({ kids: ['old'] })
  })
})

describe('a key server that is away', () => {
  it('is 503 where there are no keys at all, with Retry-After, and never 500', async () => {
    const [failures, refusals] = [record(keysFetchFailed), record(refused)]
    const server = await keyServer()
    await server.close()
    const { inject, errors, ask, clock } = gateway({ jwksUrl: server.jwksUrl })
    const reply = await inject({ headers: bearer(await tokenOf(OLD)) })
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1'])
    expect(reply.headers.has('www-authenticate')).toBe(false)
    expect(((await reply.json()) as { code: string }).code).toBe('ERR_SLUICE_AUTH_UNKNOWN')
    expect([errors, failures.length, refusals[0]!.reason]).toEqual([[], 1, 'keys-unavailable'])
    // Nobody asks again at once; and then more and more seldom.
    for (const [ms, count] of [
      [999, 1],
      [1, 2],
      [1_999, 2],
      [1, 3],
      [3_999, 3],
      [1, 4],
    ] as const) {
      clock.advance(ms)
      expect([await ask(OLD), failures.length]).toEqual([503, count])
    }
  })

  it('is no reason to refuse while there are keys of before, for as long as they may go on', async () => {
    const server = await keyServer([OLD.jwk])
    const { ask, clock } = gateway({ jwksUrl: server.jwksUrl, keysMaxAgeMs: 60_000, keysStaleMs: 60_000 })
    expect(await ask(OLD)).toBe(200)
    server.state.answer = () => ({ status: 500 })
    clock.advance(119_999)
    expect(await ask(OLD)).toBe(200)
    clock.advance(1)
    expect(await ask(OLD)).toBe(503)
    server.state.answer = undefined
    clock.advance(30_000)
    expect(await ask(OLD)).toBe(200)
  })

  it.each<[string, Partial<JwtOptions>, () => object]>([
    [
      'redirects',
      {},
      () => ({ status: 302, headers: { Location: '/elsewhere' }, body: JSON.stringify({ keys: [OLD.jwk] }) }),
    ],
    [
      'sends more than it may',
      { maxKeysBytes: 2_000 },
      () => ({ body: JSON.stringify({ keys: [OLD.jwk], pad: 'x'.repeat(2_000) }) }),
    ],
    ['breaks off', {}, () => ({ body: ['{"keys":', ' [] }'], abortAfterBytes: 8 })],
    ['closes the connection', {}, () => ({ reset: true })],
    ['sends no JSON', {}, () => ({ body: '<html>' })],
  ])('is the same as one that %s', async (_, options, answer) => {
    const server = await keyServer()
    server.state.answer = answer
    const { ask, errors } = gateway({ jwksUrl: server.jwksUrl, ...options })
    expect([await ask(OLD), errors, server.paths()]).toEqual([503, [], ['/keys']])
  })

  it('is waited for as long as the options say', async () => {
    const server = await keyServer()
    server.state.answer = () => ({ hang: true })
    const { ask, clock } = gateway({ jwksUrl: server.jwksUrl, keysTimeoutMs: 5_000 })
    const pending = Promise.all([ask(OLD), ask(OLD)])
    await waitFor(() => server.paths().length === 1)
    clock.advance(5_000)
    expect(await pending).toEqual([503, 503])
  })

  it('that ignores the signal does not keep anybody waiting', async () => {
    const fetch: FetchFunction = () => new Promise(() => {})
    const { ask, clock } = gateway({ jwksUrl: 'https://a.example/keys', fetch })
    const pending = ask(OLD)
    await waitFor(() => clock.pending === 1)
    clock.advance(5_000)
    expect([await pending, clock.pending]).toEqual([503, 0])
  })
})

describe('discovery', () => {
  it('asks the issuer where its keys are', async () => {
    const server = await keyServer([OLD.jwk])
    const { ask } = gateway({ issuer: server.url, discover: true })
    expect(await ask(OLD, { iss: server.url })).toBe(200)
    expect(await ask(OLD, { iss: 'https://other.example' })).toBe(401)
    expect(server.paths()).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  it.each<[string, (url: string) => object]>([
    ['is of another issuer', (url) => ({ issuer: `${url}/`, jwks_uri: `${url}/keys` })],
    ['names no keys', (url) => ({ issuer: url })],
    ['leads out of TLS', (url) => ({ issuer: url, jwks_uri: 'http://keys.example/keys' })],
    ['leads to a file', (url) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' })],
    ['is a list', () => []],
  ])('believes no document that %s', async (_, document) => {
    const server = await keyServer([OLD.jwk])
    server.state.answer = (path) =>
      path.startsWith('/.well-known') ? { body: JSON.stringify(document(server.url)) } : undefined
    const { ask } = gateway({ issuer: server.url, discover: true })
    expect(await ask(OLD, { iss: server.url })).toBe(503)
    expect(server.paths()).toEqual(['/.well-known/openid-configuration'])
  })
})
