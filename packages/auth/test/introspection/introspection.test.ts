/** Tokens that the issuer is asked about (RFC 7662), over real sockets. */
import { identity, type Middleware, Reply } from '@sluice/core'
import { type Answer, listenUpstream, type RecordedRequest, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { introspection, introspectionFailed, type IntrospectionOptions, refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'
import { bearer, NOW } from '../tokens.ts'

const ACTIVE = { active: true, sub: 'ada', exp: NOW + 3_600 }
const whoIs: Middleware = (x) => Reply.json(x.peek(identity))

/** A gateway that asks a server which says this of every token. */
async function gateway(
  answer: (request: RecordedRequest) => Answer | object,
  more: Partial<IntrospectionOptions> = {},
) {
  const server = await listenUpstream((request) => {
    const said = answer(request)
    return 'active' in said ? { body: JSON.stringify(said) } : said
  })
  onTestFinished(() => server.close())
  const strategy = introspection({
    url: `${server.url}/introspect`,
    clientId: 'gate way',
    clientSecret: 's:e%',
    ...more,
  })
  return { ...setUp([strategy, whoIs]), server, strategy }
}

/** Status and reason. */
async function outcome(claims: object, more: Partial<IntrospectionOptions> = {}) {
  const events = record(refused)
  const { status, errors } = await gateway(() => claims, more)
  const result = await status(bearer('opaque'))
  expect(errors).toEqual([])
  return result === 200 ? 200 : `${result} ${events.at(-1)!.reason}`
}

describe('introspection', () => {
  it('asks as RFC 7662 says, and gives the identity of the answer', async () => {
    const { inject, server } = await gateway(
      () => ({ ...ACTIVE, scope: 'read write', client_id: 'app', roles: ['x'] }),
      {
        parameters: { resource: 'https://a.example' },
        rolesClaim: 'roles',
      },
    )
    const reply = await inject({ headers: bearer('mF_9.B5f-4.1JqM') })
    expect(await reply.json()).toEqual({
      scheme: 'introspection',
      subject: 'ada',
      claims: { ...ACTIVE, scope: 'read write', client_id: 'app', roles: ['x'] },
      scopes: ['read', 'write'],
      roles: ['x'],
    })
    const [request] = server.requests
    expect([request!.method, request!.path, request!.header('content-type')]).toEqual([
      'POST',
      '/introspect',
      'application/x-www-form-urlencoded',
    ])
    // RFC 6749, section 2.3.1: both parts are form-encoded before they are joined.
    const basic = Buffer.from('gate+way:s%3Ae%25').toString('base64')
    expect(request!.header('authorization')).toBe(`Basic ${basic}`)
    expect(Object.fromEntries(new URLSearchParams(request!.body.toString()))).toEqual({
      token: 'mF_9.B5f-4.1JqM',
      token_type_hint: 'access_token',
      resource: 'https://a.example',
    })
  })

  it('can ask with a token of its own', async () => {
    const { status, server } = await gateway(() => ACTIVE, {
      clientId: undefined,
      clientSecret: undefined,
      bearerToken: 'abc',
    } as never)
    expect(await status(bearer('opaque'))).toBe(200)
    expect(server.requests[0]!.header('authorization')).toBe('Bearer abc')
  })

  it.each<[string, object, Partial<IntrospectionOptions>, string | number]>([
    ['that is not active', { active: false }, {}, '401 inactive'],
    ['that has expired', { ...ACTIVE, exp: NOW }, {}, '401 expired'],
    ['within the tolerance', { ...ACTIVE, exp: NOW }, { clockToleranceMs: 5_000 }, 200],
    ['whose end is text', { ...ACTIVE, exp: 'soon' }, {}, '401 malformed'],
    ['without an end', { active: true, sub: 'ada' }, {}, 200],
    ['that begins later', { ...ACTIVE, nbf: NOW + 5 }, {}, '401 not-yet-valid'],
    ['of an issuer', { ...ACTIVE, iss: 'a' }, { issuer: ['a', 'b'] }, 200],
    ['of another issuer', { ...ACTIVE, iss: 'c' }, { issuer: ['a', 'b'] }, '401 issuer'],
    ['for somebody', { ...ACTIVE, aud: ['orders', 'users'] }, { audience: 'orders' }, 200],
    ['for somebody else', { ...ACTIVE, aud: 'users' }, { audience: 'orders' }, '401 audience'],
    ['for nobody', ACTIVE, { audience: 'orders' }, '401 audience'],
    ['without a subject', { active: true }, {}, '401 missing-claim'],
    ['that is named otherwise', { active: true, username: 'ada' }, { subjectClaim: 'username' }, 200],
    ['that is bound to a certificate', { ...ACTIVE, cnf: { 'x5t#S256': 'abc' } }, {}, '401 certificate'],
  ])('of a token %s', async (_, claims, more, expected) => {
    expect(await outcome(claims, more)).toBe(expected)
  })

  it('is asked for once, and not beyond the end of the token', async () => {
    const { status, server, clock } = await gateway(() => ({ ...ACTIVE, exp: NOW + 10 }), { cache: { ttlMs: 60_000 } })
    expect(await Promise.all(Array.from({ length: 5 }, () => status(bearer('opaque'))))).toEqual(Array(5).fill(200))
    expect(await status(bearer('opaque'))).toBe(200)
    expect(server.requests).toHaveLength(1)
    expect(await status(bearer('other'))).toBe(200)
    clock.advance(10_000)
    expect([await status(bearer('opaque')), server.requests.length]).toEqual([401, 3])
  })

  it('is asked for again when the cache forgets: a token that was revoked is noticed', async () => {
    let active = true
    const { status, clock } = await gateway(() => ({ ...ACTIVE, active }), { cache: { ttlMs: 5_000 } })
    expect(await status(bearer('opaque'))).toBe(200)
    active = false
    clock.advance(4_999)
    expect(await status(bearer('opaque'))).toBe(200)
    clock.advance(1)
    expect(await status(bearer('opaque'))).toBe(401)
  })
})

describe('a server that gives no answer', () => {
  it.each<[string, Answer]>([
    ['an error', { status: 500, body: JSON.stringify(ACTIVE) }],
    ['401 to the gateway itself', { status: 401 }],
    ['a redirect', { status: 307, headers: { Location: '/elsewhere' } }],
    ['no JSON', { body: 'active' }],
    ['JSON that says nothing', { body: '{"sub":"ada"}' }],
    ['null', { body: 'null' }],
    ['text in the place of true', { body: '{"active":"true","sub":"ada"}' }],
    ['more than it may', { body: JSON.stringify({ ...ACTIVE, pad: 'x'.repeat(20_000) }) }],
    ['half an answer', { body: ['{"active":true', '}'], abortAfterBytes: 14 }],
    ['a broken connection', { reset: true }],
  ])('but %s is 503, and is asked again', async (_, answer) => {
    const failures = record(introspectionFailed)
    const { status, inject, server, errors } = await gateway(() => answer)
    const reply = await inject({ headers: bearer('opaque') })
    expect([reply.status, reply.headers.get('retry-after'), errors]).toEqual([503, '1', []])
    expect(await status(bearer('opaque'))).toBe(503)
    expect([server.requests.map(({ path }) => path), failures.length]).toEqual([['/introspect', '/introspect'], 2])
    for (const { error } of failures) expect(String(error.stack)).not.toContain('opaque')
  })

  it('in time is 503', async () => {
    const { status, server, clock } = await gateway(() => ({ hang: true }), { timeoutMs: 2_000 })
    const pending = status(bearer('opaque'))
    await waitFor(() => server.requests.length === 1)
    clock.advance(2_000)
    expect(await pending).toBe(503)
  })

  it('because it is away is 503', async () => {
    const { status, server } = await gateway(() => ACTIVE)
    await server.close()
    expect(await status(bearer('opaque'))).toBe(503)
  })
})

describe('a flood of tokens that somebody has made up', () => {
  it('asks no more at once than it may, and is 503 beyond that', async () => {
    let release!: () => void
    const released = new Promise<void>((resolve) => (release = resolve))
    const strategy = introspection({
      url: 'https://login.example/introspect',
      clientId: 'a',
      clientSecret: 'b',
      maxConcurrentAsks: 2,
      fetch: async () => {
        await released
        return Response.json(ACTIVE)
      },
    })
    const { status, errors } = setUp([strategy])
    const two = [status(bearer('1')), status(bearer('2'))]
    expect(await Promise.all(['3', '4'].map((each) => status(bearer(each))))).toEqual([503, 503])
    // Who waits for the same asks nobody.
    two.push(status(bearer('2')))
    release()
    expect(await Promise.all(two)).toEqual([200, 200, 200])
    expect(await status(bearer('3'))).toBe(200)
    expect([strategy.snapshot().details, errors]).toEqual([{ asked: 3, failed: 0, busy: 2 }, []])
  })
})
