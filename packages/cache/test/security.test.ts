/** What must never reach somebody else through a shared cache. */
import { identity, type Middleware } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { setUp } from './set-up.ts'

const FRESH = { 'Cache-Control': 'max-age=100' }

/** Authentication as it is by default: the key stays here, and the upstream is told whose it was. */
const known: Middleware = (exchange, next) => {
  const { headers } = exchange.request
  const subject = headers.get('x-api-key')
  if (subject === undefined) return next(exchange)
  headers.delete('x-api-key')
  headers.set('X-User', subject)
  return next(exchange.set(identity, { subject, scheme: 'test', claims: {}, scopes: [], roles: [], raw: undefined }))
}

describe('is not stored', () => {
  it.each([
    ['X-Forwarded-Host', 'evil.test'],
    ['X-Original-URL', '/admin'],
    ['X-Rewrite-URL', '/admin'],
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-Host', 'evil.test'],
    ['X-Forwarded-Scheme', 'nothttps'],
  ])('what an upstream makes of a field that no key has: %s', async (name, value) => {
    const { get } = setUp((request) => ({ headers: FRESH, body: `<script src="//${request.header(name) ?? 'good'}">` }))
    await get('/page', { [name]: value })
    expect((await get('/page')).text).not.toContain(value)
  })

  it('a private page under a name like that of a static file', async () => {
    const { get } = setUp((request) => ({
      headers: { 'Content-Type': 'text/html' },
      body: `hello ${request.header('cookie') ?? 'stranger'}`,
    }))
    expect((await get('/me/x.css', { Cookie: 'session=ada' })).text).toBe('hello session=ada')
    expect((await get('/me/x.css')).text).toBe('hello stranger')
  })

  it('the same with a date of modification, where there was a session', async () => {
    const { get, date } = setUp()
    const { get: ask, answer } = setUp()
    answer((request) => ({ headers: { 'Last-Modified': date(-86_400) }, body: request.header('cookie') ?? 'stranger' }))
    await ask('/me/x.css', { Cookie: 'session=ada' })
    expect((await ask('/me/x.css')).text).toBe('stranger')
    expect(get).toBeTypeOf('function')
  })

  it('what was answered to credentials', async () => {
    const { get } = setUp((request) => ({ headers: FRESH, body: request.header('authorization') ?? 'nobody' }))
    await get('/', { Authorization: 'Basic ada' })
    expect((await get('/')).text).toBe('nobody')
  })

  it('what was answered to somebody whose credentials were taken off above the cache', async () => {
    const { get, answer, fake } = setUp(
      (request) => ({ headers: FRESH, body: `for ${request.header('x-user') ?? 'nobody'}` }),
      { above: [known] },
    )
    expect((await get('/', { 'X-API-Key': 'ada' })).header('cache-status')).toBe('sluice; fwd=uri-miss')
    expect((await get('/', { 'X-API-Key': 'bob' })).text).toBe('for bob')
    expect((await get('/')).text).toBe('for nobody')
    answer({ headers: { 'Cache-Control': 'public, max-age=60' }, body: 'for all' })
    await get('/public', { 'X-API-Key': 'ada' })
    expect((await get('/public', { 'X-API-Key': 'bob' })).text).toBe('for all')
    expect(fake.requests).toHaveLength(4)
  })

  it('waits for nobody else where the last answer was for one alone', async () => {
    const heads: (() => void)[] = []
    const { get, fake, clock } = setUp(
      () => ({ headers: FRESH, hold: new Promise<void>((resolve) => void heads.push(resolve)) }),
      { above: [known] },
    )
    const first = get('/me', { 'X-API-Key': 'ada' })
    await clock.advanceAsync(0)
    heads[0]!()
    await first
    const crowd = ['ada', 'bob', 'eve'].map((name) => get('/me', { 'X-API-Key': name }))
    await clock.advanceAsync(0)
    expect(fake.requests).toHaveLength(4)
    for (const head of heads) head()
    await Promise.all(crowd)
  })

  it("anybody's cookie", async () => {
    const { get } = setUp((request) => ({
      headers: { ...FRESH, 'Set-Cookie': `id=${request.header('x-id') ?? 'none'}` },
    }))
    await get('/', { 'X-Id': 'ada' })
    expect((await get('/')).header('set-cookie')).toBe('id=none')
  })

  it('a cookie that comes with a 304, though its client gets it', async () => {
    const { get, answer, wait } = setUp({ headers: { 'Cache-Control': 'max-age=1', ETag: '"a"' } })
    await get()
    await wait(2)
    answer({ status: 304, headers: { 'Cache-Control': 'max-age=100', ETag: '"a"', 'Set-Cookie': 'id=ada' } })
    expect((await get()).header('set-cookie')).toBe('id=ada')
    expect((await get()).header('set-cookie')).toBeUndefined()
  })

  it.each(['*', 'Accept, *'])('what varies by more than a request says: Vary: %s', async (vary) => {
    const { get, fake } = setUp({ headers: { ...FRESH, Vary: vary } })
    await get()
    await get()
    expect(fake.requests).toHaveLength(2)
  })

  it('a part, or what breaks off', async () => {
    const { get, answer } = setUp({ status: 206, headers: { ...FRESH, 'Content-Range': 'bytes 0-1/9' }, body: 'ab' })
    await get('/', { Range: 'bytes=0-1' })
    answer({ headers: FRESH, body: 'abcdefghi', abortAfterBytes: 4 })
    expect((await get()).error).toBeDefined()
    answer({ headers: FRESH, body: 'abcdefghi' })
    expect((await get()).text).toBe('abcdefghi')
  })

  it('the answer to a GET that has a body', async () => {
    const { get, send } = setUp((request) => ({ headers: FRESH, body: `got ${request.body.toString()}` }))
    await send({ path: '/', body: 'poison' })
    expect((await get()).text).toBe('got ')
  })

  it('an error of the gateway itself', async () => {
    const { get, answer, cache } = setUp({ reset: true }, { defaultTtlMs: 60_000 })
    expect((await get()).status).toBe(502)
    answer({ body: 'fine' })
    expect((await get()).text).toBe('fine')
    expect(cache.snapshot().stored).toBe(1)
  })
})

it('a change to a reply made of the store changes no other', async () => {
  const { get } = setUp(
    { headers: { ...FRESH, 'X-A': '1' } },
    {
      above: [
        async (exchange, next) => {
          const reply = await next(exchange)
          if (exchange.request.headers.has('x-change')) reply.headers.set('X-A', 'changed')
          return reply
        },
      ],
    },
  )
  await get()
  for (let i = 0; i < 4; i++) {
    expect((await get('/', { 'X-Change': '1' })).header('x-a')).toBe('changed')
    expect((await get()).header('x-a')).toBe('1')
  }
})

describe('what stands below the cache and changes the request', () => {
  const rewriting: Middleware = (exchange, next) => {
    exchange.request.target = '/inner'
    exchange.request.headers.set('Accept-Language', 'xx')
    return next(exchange)
  }

  it.each([{}, { Authorization: 'x' }])('changes no key, and no variant (%o)', async (headers) => {
    const { get, fake, cache } = setUp(
      (request) => ({
        headers: { 'Cache-Control': 'public, max-age=100', Vary: 'Accept-Language' },
        body: request.path,
      }),
      { below: [rewriting] },
    )
    await get('/outer', { ...headers, 'Accept-Language': 'de' })
    expect((await get('/inner', { 'Accept-Language': 'xx' })).header('cache-status')).not.toMatch(/hit/)
    expect((await get('/outer', { 'Accept-Language': 'de' })).header('cache-status')).toMatch(/hit/)
    expect(fake.requests).toHaveLength(2)
    expect(await cache.purge({ url: 'http://localhost/outer' })).toBe(2)
  })

  it('does not change what an unsafe request makes invalid', async () => {
    const { get, send, fake } = setUp({ headers: FRESH }, { below: [rewriting] })
    await get('/outer')
    await send({ method: 'DELETE', path: '/outer' })
    await get('/outer')
    expect(fake.requests).toHaveLength(3)
  })
})
