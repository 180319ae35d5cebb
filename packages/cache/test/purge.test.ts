/** Purges: what they mean, softly or not, and what is on its way meanwhile. */
import { createProxy, createUpstream } from '@sluice/core'
import { fakeUpstream, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { cachePurged, httpCache, memoryStore, purgeMethod } from '../src/index.ts'
import { record, setUp } from './set-up.ts'

const FRESH = { 'Cache-Control': 'max-age=100' }

describe('a purge', () => {
  it('by URL means all variants of it, however its host is spelled', async () => {
    const { get, cache, fake } = setUp(({ path }) => ({
      headers: path === '/a?x=1' ? { ...FRESH, Vary: 'Foo' } : FRESH,
    }))
    await get('/a?x=1', { Foo: '1' })
    await get('/a?x=1', { Foo: '2' })
    await get('/a')
    const purged = record(cachePurged)
    // The two variants, and what stands for them under their URL.
    expect(await cache.purge({ url: 'http://LOCALHOST:80/a?x=1' })).toBe(3)
    expect(purged).toEqual([{ selector: { url: 'http://localhost/a?x=1' }, soft: false, entries: 3 }])
    await get('/a?x=1', { Foo: '1' })
    await get('/a')
    expect(fake.requests).toHaveLength(4)
  })

  it('by prefix, by tags, and of all', async () => {
    const { get, cache, fake } = setUp(({ path }) => ({
      headers: { ...FRESH, 'Surrogate-Key': `all ${path.slice(1, 2)}`, 'Cache-Tag': 'x, y z' },
    }))
    const fetchAll = async () => {
      const before = fake.requests.length
      for (const path of ['/a/1', '/a/2', '/b/1']) await get(path)
      return fake.requests.slice(before).map(({ path }) => path)
    }
    expect(await fetchAll()).toHaveLength(3)
    expect(await cache.purge({ prefix: 'http://localhost/a/' })).toBe(2)
    expect(await fetchAll()).toEqual(['/a/1', '/a/2'])
    expect(await cache.purge({ tags: ['b', 'unknown'] })).toBe(1)
    expect(await fetchAll()).toEqual(['/b/1'])
    expect(await cache.purge({ tags: ['y z'] })).toBe(3)
    expect(await fetchAll()).toHaveLength(3)
    expect(await cache.purge({ all: true })).toBe(3)
    expect(await fetchAll()).toHaveLength(3)
    expect(cache.snapshot().purges).toBe(4)
  })

  it('that is soft has what is stored confirmed', async () => {
    const { get, cache, fake, answer } = setUp({ headers: { ...FRESH, ETag: '"a"' }, body: 'one' })
    await get()
    expect(await cache.purge({ all: true }, { soft: true })).toBe(1)
    answer({ status: 304, headers: { ETag: '"a"' } })
    expect((await get()).text).toBe('one')
    expect(fake.requests[1]!.header('if-none-match')).toBe('"a"')
    expect((await get()).header('cache-status')).toMatch(/hit/)
    expect(fake.requests).toHaveLength(2)
  })

  it('that is soft leaves something to stand in for an error, or to be served meanwhile', async () => {
    const { get, cache, wait, answer } = setUp({
      headers: { 'Cache-Control': 'max-age=100, stale-while-revalidate=10, stale-if-error=60' },
      body: 'one',
    })
    await get()
    await cache.purge({ all: true }, { soft: true })
    answer({ status: 503 })
    expect((await get()).text).toBe('one')
    await wait(30)
    const reply = await get()
    expect([reply.text, reply.header('cache-status')]).toEqual(['one', 'sluice; fwd=stale; fwd-status=503'])
    await wait(31)
    expect((await get()).status).toBe(503)
  })

  it.each([false, true])('takes effect on what is on its way (soft: %s)', async (soft) => {
    let release = (): void => {}
    let count = 0
    const { get, cache, wait, fake } = setUp(() => ({
      ...(count++ === 0 ? { hold: new Promise<void>((resolve) => (release = resolve)) } : {}),
      headers: FRESH,
      body: `reply ${count}`,
    }))
    const before = get()
    await wait(0.1)
    await cache.purge({ url: 'http://localhost/' }, { soft })
    const after = await get()
    expect(after.text).toBe('reply 2')
    release()
    expect((await before).text).toBe('reply 1')
    // What came last was asked for before the purge: it must not be what is used now.
    expect((await get()).text).not.toBe('reply 1')
    expect(fake.requests.length).toBeGreaterThanOrEqual(2)
  })

  it('takes effect on what is being stored', async () => {
    let release = (): void => {}
    const hold = new Promise<void>((resolve) => (release = resolve))
    let count = 0
    const { get, cache, wait } = setUp(() => {
      count++
      return {
        headers: FRESH,
        body:
          count > 1
            ? 'new'
            : (async function* () {
                yield 'ol'
                await hold
                yield 'd'
              })(),
      }
    })
    const before = get()
    await wait(0.1)
    await cache.purge({ all: true })
    release()
    expect((await before).text).toBe('old')
    expect((await get()).text).toBe('new')
  })

  it('of nothing that is a selector is a mistake of the caller', async () => {
    const { cache } = setUp()
    for (const wrong of [undefined, {}, { all: false }, { tags: 'a' }, { url: '/a' }, 'x'])
      await expect(cache.purge(wrong as never)).rejects.toThrow(TypeError)
  })
})

describe('an unsafe request', () => {
  it('makes invalid before its reply is out, also for another route of the cache', async () => {
    const clock = virtualClock()
    const fake = fakeUpstream(() => ({ headers: FRESH }), { clock })
    const upstream = createUpstream('origin', { targets: ['http://a.test'], transport: fake.transport, clock })
    const cache = httpCache({ store: memoryStore(), clock })
    const proxy = createProxy({ clock })
      .route({ path: '/short' }, (r) => r.use(cache.with({ maxTtlMs: 1_000 })).forward(upstream))
      .route({ path: '/*' }, (r) => r.use(cache).forward(upstream))
    await proxy.inject({ path: '/short' })
    await proxy.inject({ path: '/long' })
    clock.advance(2_000)
    expect((await proxy.inject({ path: '/short' })).headers.get('cache-status')).toMatch(/fwd=stale/)
    expect((await proxy.inject({ path: '/long' })).headers.get('cache-status')).toMatch(/hit/)
    fake.reset()
    await proxy.inject({ path: '/x', method: 'POST', body: 'x' })
    await proxy.inject({ path: '/short', method: 'DELETE' })
    expect((await proxy.inject({ path: '/short' })).headers.get('cache-status')).toMatch(/uri-miss/)
    expect(cache.snapshot()).toMatchObject({ hits: 1, stored: 4, bypassed: 2 })
  })
})

it('an unsafe request waits for a slow store, but not for long', async () => {
  const never = new Promise<number>(() => {})
  const { send, wait } = setUp(
    { headers: FRESH },
    {
      store: (services) => Object.assign(memoryStore()(services), { purge: async () => await never }),
    },
  )
  let status = 0
  const sending = send({ method: 'POST', body: 'x' }).then((reply) => (status = reply.status))
  await wait(0.9)
  expect(status).toBe(0)
  await wait(0.2)
  expect(await sending).toBe(200)
})

describe('PURGE requests', () => {
  const gateway = (allow: Parameters<typeof purgeMethod>[0]['allow']) => {
    const made: { cache?: ReturnType<typeof httpCache> } = {}
    const set = setUp(({ path }) => ({ headers: { ...FRESH, 'Surrogate-Key': path } }), {
      above: [(exchange, next) => purgeMethod({ cache: made.cache!, allow })(exchange, next)],
    })
    made.cache = set.cache
    return set
  }

  it('purge a URL, a prefix, tags or all, for those who may', async () => {
    const { get, send, fake } = gateway(['127.0.0.0/8'])
    const cold = async (...paths: string[]) => {
      fake.reset()
      for (const path of paths) await get(path)
      return fake.requests.map(({ path }) => path)
    }
    await cold('/a', '/ab', '/b')
    expect((await send({ method: 'PURGE', path: '/a' })).text).toBe('{"purged":1,"soft":false}')
    expect(await cold('/a', '/ab', '/b')).toEqual(['/a'])
    await send({ method: 'PURGE', path: '/a', headers: { 'Purge-By': 'prefix' } })
    expect(await cold('/a', '/ab', '/b')).toEqual(['/a', '/ab'])
    await send({ method: 'PURGE', headers: { 'Surrogate-Key': '/b /x' } })
    expect(await cold('/a', '/ab', '/b')).toEqual(['/b'])
    await send({ method: 'PURGE', headers: { 'Cache-Tag': '/b, /a' } })
    expect(await cold('/a', '/ab', '/b')).toEqual(['/a', '/b'])
    expect((await send({ method: 'PURGE', headers: { 'Purge-By': 'all', 'Soft-Purge': '1' } })).text).toBe(
      '{"purged":3,"soft":true}',
    )
    expect(await cold('/a', '/ab', '/b')).toEqual(['/a', '/ab', '/b'])
    expect((await send({ method: 'PURGE', headers: { 'Purge-By': 'name' } })).status).toBe(400)
  })

  it.each([
    [{ 'Soft-Purge': 'yes' }, 'Soft-Purge must be 1 or 0'],
    [{ 'Surrogate-Key': ' , ' }, 'no tags'],
    [{ 'Cache-Tag': '' }, 'no tags'],
    [{ 'Purge-By': '' }, 'Purge-By must be'],
  ])('that do not say clearly what they mean are refused, and purge nothing: %o', async (headers, text) => {
    const { get, send, cache } = gateway(() => true)
    await get()
    const reply = await send({ method: 'PURGE', path: '/', headers })
    expect([reply.status, reply.text]).toEqual([400, expect.stringContaining(text)])
    expect(cache.snapshot()).toMatchObject({ purges: 0, store: { entries: 1 } })
  })

  it.each([[['192.0.2.0/24'] as readonly string[]], [() => false], [async () => 'yes' as never]])(
    'are refused for all others',
    async (allow) => {
      const { get, send, fake } = gateway(allow)
      await get()
      expect((await send({ method: 'PURGE' })).status).toBe(403)
      await get()
      expect(fake.requests).toHaveLength(1)
    },
  )
})

it('an unsafe request lets those who wait for something else go on waiting', async () => {
  let release = (): void => {}
  const hold = new Promise<void>((resolve) => (release = resolve))
  const { get, send, wait, cache, fake } = setUp(({ method }) => (method === 'POST' ? {} : { hold, headers: FRESH }))
  const replies = [get('/slow')]
  for (let i = 0; i < 5; i++) {
    await send({ method: 'POST', path: `/other/${i}`, body: 'x' })
    replies.push(get('/slow'))
  }
  await cache.purge({ prefix: 'http://localhost/other' })
  replies.push(get('/slow'))
  await wait(0.1)
  release()
  await Promise.all(replies)
  expect(fake.requests.filter(({ method }) => method === 'GET')).toHaveLength(1)
})

it('by URL means what each route of the cache makes of it', async () => {
  const clock = virtualClock()
  const fake = fakeUpstream(() => ({ headers: FRESH }), { clock })
  const upstream = createUpstream('origin', { targets: ['http://a.test'], transport: fake.transport, clock })
  const cache = httpCache({ store: memoryStore(), clock })
  const proxy = createProxy({ clock })
    .route({ path: '/plain' }, (r) => r.use(cache.with({ key: { query: 'none' } })).forward(upstream))
    .route({ path: '/*' }, (r) => r.use(cache).forward(upstream))
  for (const path of ['/plain?x=1', '/other?x=1']) await (await proxy.inject({ path })).text()
  expect(await cache.purge({ url: 'http://localhost/plain?x=2' })).toBe(1)
  expect(await cache.purge({ url: 'http://localhost/other?x=1' })).toBe(1)
})
