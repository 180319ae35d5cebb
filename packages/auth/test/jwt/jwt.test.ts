/** Tokens in a gateway: who passes, what is known of them, and what is answered to the others. */
import { identity, type Middleware, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { accepted, authCache, jwt, type JwtOptions, refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'
import { bearer, NOW, rawToken, SECRET, signedToken } from '../tokens.ts'

const key = Buffer.from(SECRET)
const base: JwtOptions = { algorithms: ['HS256'], secret: SECRET }
const whoIs: Middleware = (x) => Reply.json(x.peek(identity))

const tokenOf = async (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
  await signedToken(key, { alg: 'HS256', ...header }, claims)

/** Status and reason. */
async function outcome(
  more: Partial<JwtOptions>,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
) {
  const events = record(refused)
  const { status, errors } = setUp([jwt({ ...base, ...more })])
  const result = await status(bearer(await tokenOf(claims, header)))
  expect(errors).toEqual([])
  return result === 200 ? 200 : `${result} ${events.at(-1)!.reason}`
}

describe('claims', () => {
  it.each<[string, Partial<JwtOptions>, Record<string, unknown>, string | number]>([
    ['an issuer', { issuer: 'https://a.example' }, { iss: 'https://a.example' }, 200],
    ['another issuer', { issuer: 'https://a.example' }, { iss: 'https://b.example' }, '401 issuer'],
    ['an issuer with a slash more', { issuer: 'https://a.example' }, { iss: 'https://a.example/' }, '401 issuer'],
    ['no issuer', { issuer: 'https://a.example' }, {}, '401 missing-claim'],
    ['one of the issuers', { issuer: ['https://a.example', 'https://b.example'] }, { iss: 'https://b.example' }, 200],
    ['an audience', { audience: 'orders' }, { aud: 'orders' }, 200],
    ['one of its audiences', { audience: 'orders' }, { aud: ['users', 'orders'] }, 200],
    ['another audience', { audience: 'orders' }, { aud: 'users' }, '401 audience'],
    ['a part of an audience', { audience: 'orders' }, { aud: 'order' }, '401 audience'],
    ['no audience', { audience: 'orders' }, {}, '401 missing-claim'],
    ['one of the audiences', { audience: ['orders', 'users'] }, { aud: 'users' }, 200],
    ['an end that has come', {}, { exp: NOW }, '401 expired'],
    ['an end in a second', {}, { exp: NOW + 1 }, 200],
    ['no end', {}, { exp: undefined }, '401 missing-claim'],
    ['no end, where that is allowed', { requiredClaims: [] }, { exp: undefined }, 200],
    ['an end that is text', {}, { exp: '2040' }, '401 malformed'],
    ['an end within the tolerance', { clockToleranceMs: 5_000 }, { exp: NOW - 4 }, 200],
    ['an end beyond the tolerance', { clockToleranceMs: 5_000 }, { exp: NOW - 5 }, '401 expired'],
    ['a beginning that has come', {}, { nbf: NOW }, 200],
    ['a beginning in a second', {}, { nbf: NOW + 1 }, '401 not-yet-valid'],
    ['a beginning within the tolerance', { clockToleranceMs: 2_000 }, { nbf: NOW + 2 }, 200],
    ['an age', { maxAgeMs: 60_000 }, { iat: NOW - 60 }, 200],
    ['too much of an age', { maxAgeMs: 60_000 }, { iat: NOW - 61 }, '401 too-old'],
    ['no age', { maxAgeMs: 60_000 }, { iat: undefined }, '401 missing-claim'],
    ['a claim that must be there', { requiredClaims: ['tenant'] }, { tenant: 'a' }, 200],
    ['without a claim that must be there', { requiredClaims: ['tenant'] }, {}, '401 missing-claim'],
    ['no subject', {}, { sub: undefined }, '401 missing-claim'],
    ['a subject that is no text', {}, { sub: 7 }, '401 missing-claim'],
  ])('with %s', async (_, options, claims, expected) => {
    expect(await outcome(options, claims)).toBe(expected)
  })

  it.each<[string | undefined, string | number]>([
    ['at+jwt', 200],
    ['AT+JWT', 200],
    ['application/at+jwt', 200],
    ['JWT', '401 type'],
    [undefined, '401 type'],
  ])('of the type %s, where one is asked for', async (typ, expected) => {
    expect(await outcome({ typ: 'at+jwt' }, {}, typ === undefined ? {} : { typ })).toBe(expected)
  })
})

describe('a key', () => {
  it('that nobody knows is no reason to try others', async () => {
    const secret = { kty: 'oct', k: key.toString('base64url'), kid: 'k' }
    expect(await outcome({ secret }, {}, { kid: 'k' })).toBe(200)
    expect(await outcome({ secret }, {}, { kid: 'other' })).toBe('401 unknown-key')
    expect(await outcome({ secret: { ...secret, alg: 'HS256' }, algorithms: ['HS256', 'HS384'] }, {}, {})).toBe(200)
  })
})

describe('an identity', () => {
  it('has the subject, the claims, the header, scopes and roles', async () => {
    const { inject } = setUp([jwt({ ...base, rolesClaim: 'realm_access.roles' }), whoIs])
    const claims = { scope: 'read  write', realm_access: { roles: ['admin', 7] }, tenant: 'a' }
    const reply = await inject({ headers: bearer(await tokenOf(claims, { kid: 'k' })) })
    expect(await reply.json()).toEqual({
      scheme: 'jwt',
      subject: 'ada',
      claims: { sub: 'ada', iat: NOW, exp: NOW + 3_600, ...claims },
      scopes: ['read', 'write'],
      roles: ['admin'],
      raw: { header: { alg: 'HS256', kid: 'k' } },
    })
  })

  it.each<[Record<string, unknown>, readonly string[]]>([
    [{ scp: ['read', 'write'] }, ['read', 'write']],
    [{ scp: 'read write' }, ['read', 'write']],
    [{ scope: '', scp: 'read' }, []],
    [{ scope: 7 }, []],
    [{}, []],
  ])('has scopes from %o', async (claims, scopes) => {
    const { inject } = setUp([jwt(base), whoIs])
    expect(await (await inject({ headers: bearer(await tokenOf(claims)) })).json()).toMatchObject({ scopes })
  })

  it('is read from other claims where the options say so', async () => {
    const more = { subjectClaim: 'client_id', scopesClaim: 'perms', rolesClaim: ['https://a.example/roles'] }
    const { inject } = setUp([jwt({ ...base, ...more }), whoIs])
    const claims = { client_id: 'cron', perms: ['x'], 'https://a.example/roles': 'boss' }
    expect(await (await inject({ headers: bearer(await tokenOf(claims)) })).json()).toMatchObject({
      subject: 'cron',
      scopes: ['x'],
      roles: ['boss'],
    })
  })

  it('does not come from what an object has by nature', async () => {
    expect(await outcome({ subjectClaim: 'constructor.name' }, {})).toBe('401 missing-claim')
    expect(await outcome({ subjectClaim: ['__proto__', 'constructor', 'name'] }, {})).toBe('401 missing-claim')
  })

  it('can not be written into: others have the same', async () => {
    const faults: unknown[] = []
    const meddle: Middleware = (x, next) => {
      const { claims, raw, roles } = x.peek(identity)! as never as Record<string, Record<string, unknown>>
      for (const write of [
        () => (claims!['sub'] = 'root'),
        () => ((claims!['nested'] as { a: number }).a = 2),
        () => (raw!['header'] = {}),
        () => (roles as unknown as string[]).push('root'),
      ]) {
        try {
          write()
        } catch (error) {
          faults.push(error)
        }
      }
      return next(x)
    }
    const { status } = setUp([jwt(base), meddle])
    expect(await status(bearer(await tokenOf({ nested: { a: 1 } })))).toBe(200)
    expect(faults).toHaveLength(4)
  })
})

describe('a refusal', () => {
  it('says what is wrong in WWW-Authenticate (RFC 6750), and nothing of the token', async () => {
    const { inject } = setUp([jwt({ ...base, realm: 'orders' })])
    const token = await tokenOf({ exp: NOW - 1, secret: 'unmistakable' })
    const reply = await inject({ headers: bearer(token) })
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="orders", error="invalid_token", error_description="The token has expired"',
    ])
    const all = JSON.stringify(reply.headers.toJSON()) + (await reply.text())
    for (const part of [...token.split('.'), 'unmistakable']) expect(all).not.toContain(part)
  })

  it('has no error where there is no token (RFC 6750, section 3.1)', async () => {
    const { inject } = setUp([jwt(base)])
    const reply = await inject()
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    const other = await inject({ headers: { Authorization: 'Basic YTpi' } })
    expect([other.status, other.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  })

  it.each<[string, Record<string, string | readonly string[]>, string]>([
    ['two tokens', { Authorization: ['Bearer a.b.c', 'Bearer a.b.c'] }, 'malformed'],
    ['no token', { Authorization: 'Bearer' }, 'malformed'],
    ['nonsense', { Authorization: 'Bearer nonsense' }, 'opaque'],
    ['what only looks like a token', bearer('nonsense.a.b'), 'malformed'],
    ['a token that is too long', bearer('a'.repeat(8_193)), 'too-long'],
  ])('comes for %s', async (_, headers, reason) => {
    const events = record(refused)
    const { status } = setUp([jwt(base)])
    expect([await status(headers), events[0]!.reason]).toEqual([401, reason])
  })
})

describe('a token', () => {
  it.each<[JwtOptions['from'], (token: string) => { headers?: Record<string, string>; path?: string }]>([
    [{ header: 'X-Token' }, (token) => ({ headers: { 'X-Token': token } })],
    [{ header: 'authorization', scheme: 'Token' }, (token) => ({ headers: { Authorization: `token ${token}` } })],
    [{ cookie: 'session' }, (token) => ({ headers: { Cookie: `a=b; session=${token}` } })],
    [{ query: 'access_token' }, (token) => ({ path: `/?a=b&access_token=${token}` })],
  ])('is found in %o, and taken off it where that is wanted', async (from, request) => {
    const token = await tokenOf()
    const { inject, last } = setUp([jwt({ ...base, from: from! })])
    expect((await inject(request(token))).status).toBe(200)
    expect(JSON.stringify([last().path, last().headers])).toContain(token)
    expect((await inject({ headers: bearer(token) })).status).toBe(401)
    const stripping = setUp([jwt({ ...base, from: from!, strip: true })])
    expect((await stripping.inject(request(token))).status).toBe(200)
    expect(JSON.stringify([stripping.last().path, stripping.last().headers])).not.toContain(token)
  })

  it('that was seen is known by its digest, and nothing is waited for', async () => {
    const strategy = jwt(base)
    const { inject, errors } = setUp([strategy])
    const token = await tokenOf()
    await inject({ headers: bearer(token) })
    await inject({ headers: bearer(token) })
    expect(strategy.snapshot().cache).toMatchObject({ entries: 1, hits: 1, misses: 1 })
    // What is asked of the strategy itself shows that there is no promise.
    let seen: unknown
    const direct = setUp([(x) => ((seen = strategy.authenticate(x)), Reply.empty(204))])
    await direct.inject({ headers: bearer(token) })
    expect(seen).toMatchObject({ kind: 'accepted', identity: { subject: 'ada' } })
    expect(errors).toEqual([])
  })

  it('that was seen is refused from its end on', async () => {
    const { status, clock } = setUp([jwt({ ...base, cache: { ttlMs: 3_600_000 } })])
    const token = await tokenOf({ exp: NOW + 10 })
    clock.advance(10_000 - 790)
    expect(await status(bearer(token))).toBe(200)
    clock.advance(1)
    expect(await status(bearer(token))).toBe(401)
  })

  it('that was seen is refused once it is too old', async () => {
    const { status, clock } = setUp([jwt({ ...base, maxAgeMs: 10_000, cache: { ttlMs: 3_600_000 } })])
    const token = await tokenOf()
    expect(await status(bearer(token))).toBe(200)
    clock.advance(10_000 + 211)
    expect(await status(bearer(token))).toBe(401)
  })

  it('that was seen too early is good from its beginning on', async () => {
    const { status, clock } = setUp([jwt({ ...base, cache: { refusedTtlMs: 60_000 } })])
    const token = await tokenOf({ nbf: NOW + 1 })
    expect(await status(bearer(token))).toBe(401)
    clock.advance(1_000)
    expect(await status(bearer(token))).toBe(200)
  })

  it('has one spelling: whoever has one can not fill a cache with it', async () => {
    const strategy = jwt(base)
    const { status } = setUp([strategy])
    const token = await tokenOf()
    const [head, signature] = [token.slice(0, -4), token.slice(-4)]
    for (const other of [`${head} ${signature}`, `${head}\t${signature}`, `${token}=`, `${token}\xa0`, `"${token}"`])
      expect(await status(bearer(other))).toBe(401)
    expect(strategy.snapshot().cache).toMatchObject({ entries: 0 })
  })

  it('is looked at by one, of many who bring it at once', async () => {
    const strategy = jwt(base)
    const { status } = setUp([strategy])
    const token = await tokenOf()
    expect(await Promise.all(Array.from({ length: 10 }, () => status(bearer(token))))).toEqual(Array(10).fill(200))
    expect(strategy.snapshot().cache).toMatchObject({ misses: 1, joined: 9 })
  })

  it('is looked at each time where nothing is cached', async () => {
    const strategy = jwt({ ...base, cache: false })
    const { status } = setUp([strategy])
    expect([await status(bearer(await tokenOf())), await status(bearer(await tokenOf()))]).toEqual([200, 200])
    expect(strategy.snapshot().cache).toBeUndefined()
  })

  it('that is good for one strategy is not for another that shares the cache', async () => {
    const cache = authCache()
    const token = await tokenOf({ aud: 'orders' })
    const orders = setUp([jwt({ ...base, audience: 'orders', cache })])
    const users = setUp([jwt({ ...base, audience: 'users', cache })])
    expect([await orders.status(bearer(token)), await users.status(bearer(token))]).toEqual([200, 401])
  })

  it('is told of in events without itself', async () => {
    const [yes, no] = [record(accepted), record(refused)]
    const { status } = setUp([jwt(base)])
    const token = await tokenOf()
    await status(bearer(token))
    await status(bearer(rawToken({ alg: 'none' }, { sub: 'eve' })))
    expect(yes).toMatchObject([{ strategy: 'jwt', identity: { subject: 'ada' } }])
    expect(no).toMatchObject([{ strategy: 'jwt', status: 401, reason: 'algorithm' }])
    expect(JSON.stringify([yes[0]!.identity, no[0]!.reason])).not.toContain(token.split('.')[2]!)
  })
})
