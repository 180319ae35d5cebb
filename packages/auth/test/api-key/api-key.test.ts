/** API keys: who is let in, from where, for how long, and how keys are replaced. */
import { identity, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { apiKey, apiKeyDigest, type ApiKeyEntry, type ApiKeyOptions, authCache, refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'

const [ONE, TWO] = ['1'.repeat(32), '2'.repeat(32)] as const
const entry = (key: string, more: Partial<ApiKeyEntry> = {}): ApiKeyEntry => ({
  sha256: apiKeyDigest(key),
  subject: 'shop',
  ...more,
})

async function whoIs(options: ApiKeyOptions, headers: Record<string, string | readonly string[]>, path = '/') {
  const { inject } = setUp([apiKey(options), (x) => Reply.json(x.peek(identity) ?? null)])
  const reply = await inject({ headers, path })
  return reply.status === 200 ? await reply.json() : reply.status
}

describe('a key', () => {
  const keys = [entry(ONE, { id: 'one', scopes: ['read'], roles: ['machine'], claims: { plan: 'gold' } }), entry(TWO)]

  it('names its owner, with what is known of it', async () => {
    expect(await whoIs({ keys }, { 'X-API-Key': ONE })).toEqual({
      subject: 'shop',
      scheme: 'api-key',
      scopes: ['read'],
      roles: ['machine'],
      claims: { plan: 'gold' },
      raw: { id: 'one' },
    })
  })

  it.each<[string, ApiKeyOptions['from'], Record<string, string>, string]>([
    ['a field', { header: 'api-key' }, { 'Api-Key': ONE }, '/'],
    ['a field with a scheme', { header: 'Authorization', scheme: 'ApiKey' }, { Authorization: `apikey ${ONE}` }, '/'],
    ['a cookie', { cookie: 'key' }, { Cookie: `a=1; key=${ONE}` }, '/'],
    ['the query', { query: 'key' }, {}, `/?key=${ONE}`],
  ])('can stand in %s', async (_, from, headers, path) => {
    expect(await whoIs({ keys, from: from! }, headers, path)).toMatchObject({ raw: { id: 'one' } })
    expect(await whoIs({ keys, from: from! }, {})).toBe(401)
  })

  it.each<[string, string | readonly string[], string]>([
    ['empty', '', 'malformed'],
    ['unknown', '3'.repeat(32), 'wrong'],
    ['a digest', apiKeyDigest(ONE), 'wrong'],
    ['longer', `${ONE}1`, 'wrong'],
    ['shorter', ONE.slice(1), 'wrong'],
    ['spaced', `${ONE} ${ONE}`, 'malformed'],
    ['beyond ASCII', `${ONE}\u00e9`, 'malformed'],
    ['huge', 'k'.repeat(100_000), 'malformed'],
    ['there twice', [ONE, ONE], 'repeated'],
    ['there twice in one line', `${ONE}, ${ONE}`, 'malformed'],
  ])('that is %s gets 401', async (_, value, reason) => {
    const events = record(refused)
    const { inject, errors, fake } = setUp([apiKey({ keys })])
    const reply = await inject({ headers: { 'X-API-Key': value } })
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
      401,
      'ApiKey realm="restricted", header="X-API-Key"',
    ])
    expect([errors, fake.requests]).toEqual([[], []])
    expect(events).toMatchObject([{ reason }])
  })

  it('stays here, unless it is to go on', async () => {
    const { inject, last } = setUp([apiKey({ keys })])
    await inject({ headers: { 'X-API-Key': ONE } })
    expect(last().header('x-api-key')).toBeUndefined()
    const other = setUp([apiKey({ keys, from: { query: 'key' } })])
    await other.inject({ path: `/a?x=1&key=${ONE}` })
    expect(other.last().path).toBe('/a?x=1')
    const shown = setUp([apiKey({ keys, strip: false })])
    await shown.inject({ headers: { 'X-API-Key': ONE } })
    expect(shown.last().header('x-api-key')).toBe(ONE)
  })
})

describe('replacing a key', () => {
  it('has two that are good, until the first is withdrawn', async () => {
    const strategy = apiKey({ keys: [entry(ONE)] })
    const { status } = setUp([strategy])
    const both = async () => [await status({ 'X-API-Key': ONE }), await status({ 'X-API-Key': TWO })]
    expect(await both()).toEqual([200, 401])
    strategy.setKeys([entry(ONE), entry(TWO)])
    expect(await both()).toEqual([200, 200])
    expect(strategy.snapshot().details).toEqual({ keys: 2 })
    strategy.setKeys([entry(TWO)])
    expect(await both()).toEqual([401, 200])
    expect(() => strategy.setKeys([entry(ONE), { sha256: 'no', subject: 'a' }])).toThrow('apiKey.keys[1].sha256')
    expect(await both()).toEqual([401, 200])
  })

  it('can be planned by times', async () => {
    const events = record(refused)
    const start = Date.parse('2026-01-01T00:00:00Z')
    const keys = [
      entry(ONE, { expiresAt: '2026-01-01T00:00:10Z' }),
      entry(TWO, { notBefore: start + 5_000, expiresAt: start + 20_000 }),
    ]
    const { status, clock } = setUp([apiKey({ keys })], { wallTime: start })
    const both = async () => [await status({ 'X-API-Key': ONE }), await status({ 'X-API-Key': TWO })]
    expect(await both()).toEqual([200, 401])
    clock.advance(5_000)
    expect(await both()).toEqual([200, 200])
    clock.advance(5_000)
    expect(await both()).toEqual([401, 200])
    clock.advance(10_000)
    expect(await both()).toEqual([401, 401])
    expect(events.map(({ reason }) => reason)).toEqual(['not-yet-valid', 'expired', 'expired', 'expired'])
  })
})

describe('a look-up', () => {
  it('gets the digest, and says who it is', async () => {
    const asked: string[] = []
    const lookup: ApiKeyOptions['lookup'] = async (sha256) => {
      asked.push(sha256)
      return sha256 === apiKeyDigest(ONE) ? { subject: 'shop', scopes: ['read'] } : undefined
    }
    expect(await whoIs({ lookup }, { 'X-API-Key': ONE })).toMatchObject({ subject: 'shop', scopes: ['read'] })
    expect(await whoIs({ lookup }, { 'X-API-Key': TWO })).toBe(401)
    expect(asked).toEqual([apiKeyDigest(ONE), apiKeyDigest(TWO)])
    expect(await whoIs({ lookup: () => ({ subject: 'shop', expiresAt: 1 }) }, { 'X-API-Key': ONE })).toBe(401)
  })

  it('that fails gets 503', async () => {
    const { status, errors } = setUp([
      apiKey({
        lookup: () => {
          throw new Error('the database is away')
        },
      }),
    ])
    expect(await status({ 'X-API-Key': ONE })).toBe(503)
    expect(errors).toMatchObject([{ message: 'the database is away' }])
  })

  it('is spared by a cache, but never beyond the end of the key', async () => {
    let asked = 0
    const cache = authCache({ ttlMs: 60_000 })
    const { status, clock } = setUp(
      [apiKey({ lookup: () => ({ subject: `shop ${++asked}`, expiresAt: 10_000 }), cache })],
      { wallTime: 0 },
    )
    expect([await status({ 'X-API-Key': ONE }), await status({ 'X-API-Key': ONE }), asked]).toEqual([200, 200, 1])
    cache.invalidate('shop 1')
    expect([await status({ 'X-API-Key': ONE }), asked]).toEqual([200, 2])
    clock.advance(10_000)
    expect([await status({ 'X-API-Key': ONE }), asked]).toEqual([401, 3])
  })
})

describe('a look-up that many wait for', () => {
  it('goes on although the client has left who came first', async () => {
    let find!: () => void
    const found = new Promise<void>((resolve) => (find = resolve))
    const lookup: ApiKeyOptions['lookup'] = async (_, { signal }) => {
      await found
      signal.throwIfAborted()
      return { subject: 'shop' }
    }
    const { inject, errors } = setUp([apiKey({ lookup, cache: true })])
    const leaver = new AbortController()
    const headers = { 'X-API-Key': ONE }
    const [first, second] = [inject({ headers, signal: leaver.signal }), inject({ headers })]
    leaver.abort()
    find()
    expect([(await first).status >= 400, (await second).status, errors]).toEqual([true, 200, []])
  })

  it('of a key that is not good yet is asked again when it is', async () => {
    const { clock, status } = setUp([
      apiKey({
        lookup: () => ({ subject: 'shop', notBefore: clock0 + 1_000 }),
        cache: { refusedTtlMs: 60_000 },
      }),
    ])
    const clock0 = clock.wallTime()
    expect(await status({ 'X-API-Key': ONE })).toBe(401)
    clock.advance(1_000)
    expect(await status({ 'X-API-Key': ONE })).toBe(200)
  })
})
