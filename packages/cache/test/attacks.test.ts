/** Attacks on what a key leaves out, and on what one client's request may do to what others get. */
import { createProxy, createUpstream, type Exchange, type Middleware } from '@sluice/core'
import { fakeUpstream, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { httpCache, memoryStore } from '../src/index.ts'
import { read, setUp } from './set-up.ts'

const FRESH = { 'Cache-Control': 'max-age=100' }

describe('a query that the key leaves out', () => {
  it.each([
    ['an encoded name', '/s?%71=evil'],
    ['a name in capitals', '/s?Q=evil'],
    ['an element of a list', '/s?q[]=evil'],
    ['an encoded bracket', '/s?q%5B0%5D=evil'],
    ['a semicolon that parts parameters', '/s?utm=1;q=evil'],
    ['a name that cannot be decoded', '/s?q%=evil'],
  ])('carries nothing past an allow-list: %s', async (_, path) => {
    const { get } = setUp((request) => ({ headers: FRESH, body: request.path }), { key: { query: { allow: ['q'] } } })
    await get(path)
    expect((await get('/s')).text).toBe('/s')
  })

  it('carries nothing past an ignore-list behind a semicolon', async () => {
    const { get } = setUp((request) => ({ headers: FRESH, body: request.path }), {
      key: { query: { ignore: ['utm'] } },
    })
    await get('/s?utm=1;q=evil')
    expect((await get('/s')).text).toBe('/s')
    expect((await get('/s?utm=2')).text).toBe('/s')
  })

  it('carries nothing past No-Vary-Search behind a semicolon', async () => {
    const headers = { ...FRESH, 'No-Vary-Search': 'params=("utm")' }
    const { get } = setUp((request) => ({ headers, body: request.path }))
    await get('/s?utm=1;q=evil')
    expect((await get('/s?utm=2')).text).toBe('/s?utm=2')
  })
})

describe('cookies that a key has', () => {
  const keyed = () =>
    setUp((request) => ({ headers: FRESH, body: request.header('cookie') ?? '' }), { key: { cookies: ['lang'] } })

  it('count with all their values, whichever an upstream takes', async () => {
    const { get } = keyed()
    await get('/', { Cookie: 'lang=de; lang=evil' })
    expect((await get('/', { Cookie: 'lang=de' })).text).toBe('lang=de')
  })

  it('are not taken for others because of a line feed that a function makes', async () => {
    const extra = ({ request }: Exchange) => decodeURIComponent(request.headers.get('x-tenant') ?? '')
    const { get } = setUp((request) => ({ headers: FRESH, body: request.header('x-tenant') ?? '' }), { key: { extra } })
    await get('/', { 'X-Tenant': 'a%0Ab' })
    expect((await get('/', { 'X-Tenant': 'a%250Ab' })).text).toBe('a%250Ab')
  })

  it('count in whichever line they come', async () => {
    const { send, get } = keyed()
    await send({
      path: '/',
      headers: [
        ['Cookie', 'a=1'],
        ['Cookie', 'lang=evil'],
      ] as never,
    })
    expect((await get('/', { Cookie: 'a=1' })).text).toBe('a=1')
  })
})

describe('a response that says nothing of caching, to somebody with a session', () => {
  const page = (options: object) =>
    setUp((request) => ({ headers: { ETag: '"1"' }, body: request.header('cookie') ?? 'stranger' }), options)

  it('is not served while it is asked about, where an option allows that of others', async () => {
    const { get } = page({ staleWhileRevalidateMs: 60_000 })
    await get('/me/x.css', { Cookie: 'ada' })
    expect((await get('/me/x.css')).text).toBe('stranger')
  })

  it('does not stand in for an error', async () => {
    const { get, answer } = page({ staleIfErrorMs: 60_000 })
    await get('/me/x.css', { Cookie: 'ada' })
    answer({ status: 503, body: 'down' })
    expect((await get('/me/x.css')).text).toBe('down')
  })

  it('does not stand in for an error because a client would take it', async () => {
    const { get, answer } = page({})
    await get('/me/x.css', { Cookie: 'ada' })
    answer({ status: 503, body: 'down' })
    expect((await get('/me/x.css', { 'Cache-Control': 'stale-if-error=1000' })).text).toBe('down')
    expect((await get('/me/x.css', { 'Cache-Control': 'max-stale' })).text).toBe('down')
  })
})

describe('a head that is renewed', () => {
  it('and varies by more from now on, is not for those who differ in that', async () => {
    const { get, send, answer } = setUp({ headers: { 'Cache-Control': 'max-age=10', ETag: '"1"' }, body: 'x' })
    await get('/')
    answer({ headers: { 'Cache-Control': 'max-age=100', ETag: '"1"', Vary: 'Cookie' }, body: 'x' })
    await send({ method: 'HEAD', path: '/', headers: { Cookie: 'a', 'Cache-Control': 'no-cache' } })
    answer({ headers: FRESH, body: 'for b' })
    expect((await get('/', { Cookie: 'b' })).text).toBe('for b')
  })
})

it('a variant that a 304 names, and that varies by more from now on, is not for those who differ in that', async () => {
  const { get, answer } = setUp({ headers: { ...FRESH, ETag: '"1"', Vary: 'Accept' }, body: 'old' })
  await get('/', { Accept: 'a' })
  const headers = { ...FRESH, Vary: 'Accept, Cookie' }
  answer((request) =>
    request.header('if-none-match') === '"1"'
      ? { status: 304, headers: { ...headers, ETag: '"1"' } }
      : { headers, body: `for ${request.header('cookie')}` },
  )
  expect((await get('/', { Accept: 'b', Cookie: 'ada' })).text).toBe('old')
  answer((request) => ({ headers, body: `for ${request.header('cookie')}` }))
  expect((await get('/', { Accept: 'a', Cookie: 'bob' })).text).toBe('for bob')
})

it.each(['GOOD.test', 'good.test:80', 'good.test:'])(
  'Host: %s, of which an upstream may make links, poisons nothing',
  async (host) => {
    const { get, cache } = setUp((request) => ({ headers: FRESH, body: request.header('host') ?? '' }))
    await get('/', { Host: host })
    expect((await get('/', { Host: 'good.test' })).text).not.toBe(host)
    expect(await cache.purge({ url: 'http://good.test/' })).toBe(1)
  },
)

it('a condition says nothing of a POST that is answered from the store', async () => {
  const { send } = setUp({ headers: { ...FRESH, ETag: '"1"' }, body: 'x' }, { methods: ['POST'] })
  await send({ method: 'POST', path: '/', body: 'q' })
  const reply = await send({ method: 'POST', path: '/', body: 'q', headers: { 'If-None-Match': '"1"' } })
  expect(reply).toMatchObject({ status: 200, text: 'x' })
})

it('a part and a variant by a field of that name are kept apart', async () => {
  const { get, answer } = setUp({ headers: { ...FRESH, Vary: 'part' }, body: 'abcdef' }, { storePartial: true })
  await get('/', { Part: 'other' })
  answer({ status: 206, headers: { ...FRESH, ETag: '"1"', 'Content-Range': 'bytes 0-1/6' }, body: 'ab' })
  await get('/', { Range: 'bytes=0-1' })
  answer({ headers: { ...FRESH, Vary: 'part' }, body: 'abcdef' })
  expect(await get('/')).toMatchObject({ status: 200, text: 'abcdef' })
})

it('asks again, after a 304 that speaks of something else, for what it had asked for', async () => {
  const below: Middleware = (exchange, next) => {
    exchange.request.target = `/inner${exchange.request.target}`
    return next(exchange)
  }
  const { get, answer, wait, fake } = setUp(
    { headers: { 'Cache-Control': 'max-age=1', ETag: '"1"' }, body: 'old' },
    { below: [below] },
  )
  await get('/a')
  await wait(2)
  answer((request) =>
    request.header('if-none-match') === undefined
      ? { headers: FRESH, body: 'new' }
      : { status: 304, headers: { ETag: '"2"' } },
  )
  expect((await get('/a')).text).toBe('new')
  expect(fake.requests.map((request) => request.path)).toEqual(['/inner/a', '/inner/a', '/inner/a'])
})

it('nobody waits for a request whose response could be poisoned', async () => {
  const { get, fake } = setUp(async () => {
    await new Promise((resolve) => void setImmediate(resolve))
    return { headers: FRESH }
  })
  await Promise.all([
    get('/', { 'X-Original-URL': '/admin' }),
    ...Array.from({ length: 20 }, async () => await get('/')),
  ])
  expect(fake.requests).toHaveLength(2)
})

it('a POST that is not to be stored is not, though it says to be what a GET would get', async () => {
  const { get, send, answer } = setUp({ headers: { ...FRESH, 'Content-Location': '/' }, body: 'posted' })
  await send({ method: 'POST', path: '/', body: 'x', headers: { 'Cache-Control': 'no-store' } })
  answer({ body: 'got' })
  expect((await get('/')).text).toBe('got')
})

it.each([
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Forwarded-Path',
  'X-Forwarded-Uri',
  'X-Forwarded-Ssl',
  'X-Forwarded-Protocol',
  'X-Original-URI',
  'X_Original_URL',
  'X_HTTP-Method_Override',
  'X-Real-IP',
  'X-Url-Scheme',
  'X-Proxy-URL',
  'Front-End-Https',
  'Forwarded',
  'X-HTTP-Host-Override',
  'X-Forwarded-Server',
  'X-HTTP-Path-Override',
  'X-HTTP-Destinationurl',
])('%s poisons nothing', async (name) => {
  const { get } = setUp((request) => ({ headers: FRESH, body: request.header(name) ?? '' }))
  await get('/', { [name]: 'host=evil.test' })
  expect((await get('/')).text).not.toContain('evil')
})

it.each([
  '/a|b',
  '/a{b}',
  '/a^b',
  '/a%2Fb',
  '/a//b',
  '/A',
  "/a'b",
  '/a"b',
  '/%61',
  '/a%2e',
  '/ä',
  '/a/./b',
  '/a/%2e%2e/b',
])('a purge finds what is stored under %s', async (path) => {
  const { get, cache } = setUp({ headers: FRESH })
  const first = await get(path)
  if (first.status !== 200) return
  const stored = cache.snapshot().store.entries
  expect(await cache.purge({ url: `http://localhost${path}` })).toBe(stored)
})

it.each(['X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix'])(
  '%s that a trusted proxy passes on is part of the key',
  async (name) => {
    const clock = virtualClock()
    const fake = fakeUpstream((request) => ({ headers: FRESH, body: request.header(name) ?? '' }), { clock })
    const cache = httpCache({ store: memoryStore(), clock })
    const proxy = createProxy({ clock, forwarded: { trust: ['10.0.0.0/8'] } })
      .use(cache)
      .forward(createUpstream('origin', { targets: ['http://a.test'], transport: fake.transport, clock }))
    const get = async (headers: Record<string, string>) =>
      await read(
        proxy.inject({
          path: '/',
          peer: { address: '10.0.0.1' },
          headers: { 'X-Forwarded-For': '1.2.3.4', ...headers },
        }),
      )
    expect((await get({ [name]: 'evil.test' })).text).toBe('evil.test')
    expect((await get({})).text).not.toContain('evil')
    expect((await get({ [name]: 'evil.test' })).header('cache-status')).toMatch(/hit/)
    expect(await cache.purge({ url: 'http://localhost/' })).toBe(2)
  },
)

describe('trailers', () => {
  it('that are about one client or one connection are not kept for others', async () => {
    const { get } = setUp({
      headers: FRESH,
      body: 'x',
      trailers: [
        ['Set-Cookie', 'id=ada'],
        ['X-Sum', '7'],
      ],
    } as never)
    await get('/')
    const { reply } = await get('/')
    expect(JSON.stringify(reply.trailers)).not.toContain('ada')
  })
})

it.each<Record<string, string>>([
  { 'X-Original-URL': '/admin' },
  { Authorization: 'x' },
  { Host: 'LOCALHOST' },
  { 'Cache-Control': 'no-store' },
])('a HEAD or GET with what has no key (%o) makes nobody forget what is stored', async (headers) => {
  const { get, send, wait, answer, fake } = setUp({ headers: { 'Cache-Control': 'max-age=1', ETag: '"1"' }, body: 'x' })
  await get('/')
  await wait(2)
  await send({ method: 'HEAD', path: '/', headers: headers })
  answer({ status: 304, headers: { ETag: '"1"' } })
  await get('/', headers)
  await get('/')
  expect(fake.requests.at(-1)!.header('if-none-match')).toBe('"1"')
})

const turn = async (): Promise<void> => await new Promise<void>((resolve) => void setImmediate(resolve))

it("nothing of one client's request gets to others who wait for its response", async () => {
  const gate = Promise.withResolvers<void>()
  const { get, fake } = setUp(async () => {
    await gate.promise
    return { headers: { ...FRESH, ETag: '"1"' }, body: 'abcdef' }
  })
  // A range of what still flows is not served: the whole is a right answer.
  const asking = [
    get('/', { Cookie: 'a' }),
    get('/', { Range: 'bytes=0-1' }),
    get('/', { 'If-None-Match': '"1"' }),
    get('/', { Authorization: 'x' }),
  ]
  await turn()
  gate.resolve()
  expect((await Promise.all(asking)).map(({ text }) => text)).toEqual(['abcdef', 'abcdef', '', 'abcdef'])
  expect(fake.requests).toHaveLength(1)
})

it('what a background revalidation confirms after a purge stays purged', async () => {
  const { get, answer, wait, cache } = setUp({
    headers: { 'Cache-Control': 'max-age=1, stale-while-revalidate=100', ETag: '"1"' },
    body: 'old',
  })
  await get('/')
  await wait(2)
  const gate = Promise.withResolvers<void>()
  answer(async () => {
    await gate.promise
    return { status: 304, headers: { ...FRESH, ETag: '"1"' } }
  })
  expect((await get('/')).text).toBe('old')
  await turn()
  await cache.purge({ url: 'http://localhost/' })
  gate.resolve()
  while (cache.snapshot().fetching > 0) await turn()
  answer({ headers: FRESH, body: 'new' })
  expect((await get('/')).text).toBe('new')
})

it('a background revalidation that hangs ends, and makes room for the next', async () => {
  const { get, answer, wait, cache, fake } = setUp({
    headers: { 'Cache-Control': 'max-age=1, stale-while-revalidate=100000', ETag: '"1"' },
  })
  await get('/')
  await wait(2)
  answer({ hang: true })
  await get('/')
  expect(cache.snapshot().fetching).toBe(1)
  await wait(400)
  expect(cache.snapshot().fetching).toBe(0)
  await get('/')
  await turn()
  expect(fake.requests).toHaveLength(3)
})
