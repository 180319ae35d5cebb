/** Requests of one key at the same time: one goes upstream, whatever becomes of it. */
import { createProxy, createUpstream } from '@sluice/core'
import { hostileUpstream, listenUpstream, rawClient, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpCache, memoryStore } from '../src/index.ts'
import { read, setUp } from './set-up.ts'

const FRESH = { 'Cache-Control': 'max-age=100' }

/** A promise that the test settles. */
function held() {
  let release = (): void => {}
  const hold = new Promise<void>((resolve) => (release = resolve))
  return { hold, release: () => release() }
}

describe('a cold key', () => {
  it('is fetched once for 10,000 requests at a time', async () => {
    const { hold, release } = held()
    const { get, fake, cache, errors } = setUp({ hold, headers: FRESH, body: 'one' })
    const replies = Array.from({ length: 10_000 }, () => get())
    release()
    const texts = (await Promise.all(replies)).map(({ text }) => text)
    expect(new Set(texts)).toEqual(new Set(['one']))
    expect(fake.requests).toHaveLength(1)
    expect(cache.snapshot()).toMatchObject({ misses: 10_000, collapsed: 9_999, hits: 0, stored: 1, fetching: 0 })
    expect(errors).toEqual([])
  })

  it('is fetched once where the one who began leaves', async () => {
    const { hold, release } = held()
    const above = { leader: undefined as { abort(): void } | undefined }
    const { get, fake, proxy, wait } = setUp(
      { hold, headers: FRESH, body: 'one' },
      {
        above: [
          (exchange, next) => {
            above.leader ??= exchange
            return next(exchange)
          },
        ],
      },
    )
    const leading = get()
    const following = Array.from({ length: 100 }, () => get())
    await wait(0.1)
    above.leader!.abort()
    expect((await leading).status).toBe(499)
    release()
    const texts = (await Promise.all(following)).map(({ text }) => text)
    expect(new Set(texts)).toEqual(new Set(['one']))
    expect(fake.requests).toHaveLength(1)
    expect(proxy.inFlight).toBe(0)
  })

  it('is not fetched on for nobody', async () => {
    const exchanges: { abort(): void }[] = []
    const { get, fake, proxy, wait } = setUp(
      { hang: true },
      {
        above: [
          (exchange, next) => {
            exchanges.push(exchange)
            return next(exchange)
          },
        ],
      },
    )
    const replies = [get(), get()]
    await wait(0.1)
    exchanges[0]!.abort()
    await wait(0.1)
    expect(fake.requests[0]!.aborted).toBe(false)
    exchanges[1]!.abort()
    await Promise.all(replies)
    await wait(0.1)
    expect(fake.requests[0]!.aborted).toBe(true)
    expect(proxy.inFlight).toBe(0)
  })

  it('is taken over where the one who began gets nothing', async () => {
    const { hold, release } = held()
    let count = 0
    const { get, fake, errors } = setUp(() => (count++ === 0 ? { hold, reset: true } : { headers: FRESH, body: 'two' }))
    const leading = get()
    const following = Array.from({ length: 50 }, () => get())
    release()
    expect((await leading).status).toBe(502)
    expect(new Set((await Promise.all(following)).map(({ text }) => text))).toEqual(new Set(['two']))
    expect(fake.requests).toHaveLength(2)
    expect(errors).toEqual([])
  })

  it('is left to each for himself once two have got nothing', async () => {
    const { hold, release } = held()
    const { get, fake } = setUp(() => ({ hold, reset: true }))
    const replies = Array.from({ length: 5 }, () => get())
    release()
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([502, 502, 502, 502, 502])
    expect(fake.requests.length).toBeLessThanOrEqual(10)
  })

  it('is fetched once for each variant', async () => {
    const { hold, release } = held()
    const { get, fake } = setUp((request) => ({
      hold,
      headers: { ...FRESH, Vary: 'Foo' },
      body: `foo ${request.header('foo')}`,
    }))
    const replies = ['1', '2', '1', '2', '3', '1'].map(async (foo) => (await get('/', { Foo: foo })).text)
    release()
    expect(await Promise.all(replies)).toEqual(['foo 1', 'foo 2', 'foo 1', 'foo 2', 'foo 3', 'foo 1'])
    expect(fake.requests).toHaveLength(3)
  })

  it('is waited for no longer than allowed', async () => {
    const { hold, release } = held()
    let count = 0
    const { get, wait, fake } = setUp(
      () => (count++ === 0 ? { hold, body: 'late' } : { headers: FRESH, body: 'soon' }),
      {
        collapseWaitMs: 500,
      },
    )
    const leading = get()
    const following = [get(), get()]
    await wait(0.4)
    expect(fake.requests).toHaveLength(1)
    await wait(0.2)
    expect((await Promise.all(following)).map(({ text }) => text)).toEqual(['soon', 'soon'])
    release()
    expect((await leading).text).toBe('late')
  })

  it('is fetched by each where that is wanted', async () => {
    const { get, fake } = setUp({ headers: FRESH }, { collapse: false })
    await Promise.all([get(), get(), get()])
    expect(fake.requests).toHaveLength(3)
  })

  it('is not fetched for others with credentials, conditions or a range', async () => {
    const { hold, release } = held()
    const { get, fake, wait } = setUp({ hold, headers: FRESH, body: '0123456789' })
    const own = [{ Authorization: 'x' }, { 'If-None-Match': '"x"' }, { Range: 'bytes=0-1' }]
    const replies = own.map((headers) => get('/', headers))
    await wait(0.1)
    expect(fake.requests).toHaveLength(3)
    replies.push(get(), get())
    await wait(0.1)
    expect(fake.requests).toHaveLength(4)
    release()
    expect((await Promise.all(replies)).map(({ text }) => text)).toHaveLength(5)
  })

  it("evaluates each follower's own conditions", async () => {
    const { hold, release } = held()
    const { get, fake } = setUp({ hold, headers: { ...FRESH, ETag: '"a"' }, body: '0123456789' })
    const replies = [get(), get('/', { 'If-None-Match': '"a"' }), get('/', { Range: 'bytes=2-3' }), get()]
    release()
    expect((await Promise.all(replies)).map(({ status, text }) => [status, text])).toEqual([
      [200, '0123456789'],
      [304, ''],
      // Of what is still on its way no part can be served; the whole is a right answer.
      [200, '0123456789'],
      [200, '0123456789'],
    ])
    expect(fake.requests).toHaveLength(1)
  })
})

describe('a response that may not be stored', () => {
  it('releases those who wait, and is not waited for again', async () => {
    const { hold, release } = held()
    let count = 0
    const { get, fake, wait, cache } = setUp(() => ({
      ...(count === 0 ? { hold } : { delayMs: 1_000 }),
      headers: { 'Cache-Control': 'private' },
      body: `for you ${count++}`,
    }))
    const replies = [get(), get(), get()]
    await wait(0.1)
    expect(fake.requests).toHaveLength(1)
    release()
    await wait(2)
    expect(new Set((await Promise.all(replies)).map(({ text }) => text)).size).toBe(3)
    expect(fake.requests).toHaveLength(3)
    const next = [get(), get()]
    await wait(0.1)
    expect(fake.requests).toHaveLength(5)
    await wait(2)
    await Promise.all(next)
    expect(cache.snapshot()).toMatchObject({ collapsed: 0, stored: 0, refused: 5 })
  })

  it('is waited for again once it could be stored', async () => {
    let headers: Record<string, string> = { 'Cache-Control': 'private' }
    const { get, fake, wait, cache } = setUp(() => ({ headers }))
    await get()
    headers = { 'Cache-Control': 'max-age=1' }
    await get()
    await wait(2)
    await cache.purge({ all: true })
    await Promise.all([get(), get()])
    expect(fake.requests).toHaveLength(3)
  })
})

describe('a body that is still on its way', () => {
  it('is read along by those who come later', async () => {
    const { hold, release } = held()
    const { proxy, fake, wait, cache } = setUp({
      headers: FRESH,
      body: (async function* () {
        yield 'first '
        await hold
        yield 'second'
      })(),
    })
    const leader = await proxy.inject({})
    const reading = leader.body.text()
    await wait(0.1)
    const late = await proxy.inject({})
    const readingToo = late.body.text()
    expect(late.headers.get('cache-status')).toBe('sluice; fwd=uri-miss; collapsed')
    release()
    expect(await Promise.all([reading, readingToo])).toEqual(['first second', 'first second'])
    expect(fake.requests).toHaveLength(1)
    expect((await read(proxy.inject({}))).text).toBe('first second')
    expect(cache.snapshot()).toMatchObject({ hits: 1, stored: 1, fetching: 0 })
    expect(proxy.inFlight).toBe(0)
  })

  it('is stored though the one who began reads no further', async () => {
    const { hold, release } = held()
    const { proxy, wait, get, fake } = setUp({
      headers: FRESH,
      body: (async function* () {
        yield 'first '
        await hold
        yield 'second'
      })(),
    })
    const leader = await proxy.inject({})
    leader.body
      .stream()
      .cancel()
      .catch(() => {})
    leader.exchange.abort()
    release()
    await wait(0.1)
    expect((await get()).text).toBe('first second')
    expect(fake.requests).toHaveLength(1)
  })

  it('is not stored where it breaks off, and breaks off for all', async () => {
    let count = 0
    const { hold, release } = held()
    const { get, fake, wait, cache } = setUp(() =>
      count++ === 0
        ? {
            headers: FRESH,
            body: (async function* () {
              yield 'a part'
              await hold
              throw new Error('broken')
            })(),
          }
        : { headers: FRESH, body: 'all of it' },
    )
    const replies = [get(), get()]
    await wait(0.1)
    release()
    for (const { error } of await Promise.all(replies)) expect(error).toBeInstanceOf(Error)
    expect((await get()).text).toBe('all of it')
    expect(fake.requests).toHaveLength(2)
    expect(cache.snapshot()).toMatchObject({ stored: 1, refused: 1 })
  })

  it('is not stored where it is larger than allowed, but passes', async () => {
    const chunks = Array.from({ length: 8 }, (_, i) => String(i).repeat(100))
    const { get, fake, cache } = setUp(() => ({ headers: FRESH, body: chunks }), { maxEntryBytes: 500 })
    const replies = await Promise.all([get(), get()])
    expect(replies.map(({ text }) => text)).toEqual([chunks.join(''), chunks.join('')])
    await get()
    expect(fake.requests.length).toBeGreaterThan(1)
    expect(cache.snapshot()).toMatchObject({ stored: 0 })
  })

  it('is not waited for where it says itself that it is too large', async () => {
    const { get, cache } = setUp({ headers: FRESH, body: 'x'.repeat(600) }, { maxEntryBytes: 500 })
    expect((await get()).text).toHaveLength(600)
    expect(cache.snapshot()).toMatchObject({ stored: 0, refused: 1 })
  })

  it('keeps its trailers', async () => {
    const { proxy } = setUp({ headers: FRESH, body: ['a', 'b'], trailers: { 'X-Sum': '2' } })
    for (let i = 0; i < 3; i++) {
      const reply = await proxy.inject({ headers: { TE: 'trailers' } })
      expect(await reply.text()).toBe('ab')
      expect(reply.trailers?.get('x-sum')).toBe('2')
      expect(reply.headers.get('cache-status')).toMatch(i === 0 ? /stored/ : /hit/)
    }
  })
})

describe('over sockets', () => {
  async function listening(handler: Parameters<typeof listenUpstream>[0]) {
    const upstream = await listenUpstream(handler)
    const cache = httpCache({ store: memoryStore() })
    const proxy = createProxy()
      .use(cache)
      .forward(createUpstream('origin', { targets: [upstream.url] }))
    const listener = await proxy.listen({ host: '127.0.0.1' })
    onTestFinished(async () => {
      await proxy.close({ drainMs: 100 })
      await upstream.close()
    })
    return { upstream, cache, proxy, url: listener.address.url, port: listener.address.port }
  }

  it('goes on for the others when the client who began disconnects', async () => {
    const { hold, release } = held()
    const { upstream, port, url, cache, proxy } = await listening(() => ({ hold, headers: FRESH, body: 'one' }))
    const leader = await rawClient({ port })
    leader.write(`GET /a HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    await waitFor(() => upstream.requests.length === 1)
    const following = Array.from({ length: 20 }, async () => await (await fetch(`${url}/a`)).text())
    // The fetch is an exchange of its own.
    await waitFor(() => proxy.inFlight === 22)
    leader.destroy()
    await waitFor(() => proxy.inFlight === 21)
    release()
    expect(new Set(await Promise.all(following))).toEqual(new Set(['one']))
    expect(cache.snapshot()).toMatchObject({ misses: 21, collapsed: 20, stored: 1 })
    expect(upstream.requests).toHaveLength(1)
    await waitFor(() => proxy.inFlight === 0)
  })

  it('serves hits with head and body, and a checksum of a large one', async () => {
    const large = Buffer.alloc(3_000_000, 'abcdefghij')
    const { upstream, url } = await listening(({ path }) => ({
      headers: FRESH,
      body: path === '/large' ? large : 'small',
    }))
    for (let i = 0; i < 3; i++) {
      const small = await fetch(`${url}/small`)
      expect([await small.text(), small.headers.get('cache-status')]).toEqual([
        'small',
        i === 0 ? 'sluice; fwd=uri-miss; stored' : 'sluice; hit; ttl=100',
      ])
      const reply = await fetch(`${url}/large`)
      expect(Buffer.from(await reply.arrayBuffer()).equals(large)).toBe(true)
    }
    expect(upstream.requests).toHaveLength(2)
  })

  it('lets a slow reader hold up neither the store nor the others', async () => {
    const large = Buffer.alloc(8_000_000, 'z')
    const { upstream, url, port, cache } = await listening(() => ({ headers: FRESH, body: large }))
    const slow = await rawClient({ port })
    slow.pause()
    slow.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    await waitFor(() => upstream.requests.length === 1)
    const reply = await fetch(url)
    expect((await reply.arrayBuffer()).byteLength).toBe(large.byteLength)
    expect(cache.snapshot().stored).toBe(1)
    expect(upstream.requests).toHaveLength(1)
    slow.destroy()
  })

  it.each(['reset-mid-body', 'fin-mid-body', 'fin-mid-chunk', 'fin-between-chunks', 'short-content-length'] as const)(
    'never stores what breaks off: %s',
    async (kind) => {
      const upstream = await hostileUpstream({ kind })
      const cache = httpCache({ store: memoryStore(), defaultTtlMs: 60_000 })
      const proxy = createProxy()
        .use(cache)
        .forward(createUpstream('origin', { targets: [upstream.url] }))
      const listener = await proxy.listen({ host: '127.0.0.1' })
      onTestFinished(async () => {
        await proxy.close({ drainMs: 100 })
        await upstream.close()
      })
      for (let i = 0; i < 2; i++)
        await expect(fetch(listener.address.url).then((reply) => reply.text())).rejects.toThrow()
      expect(cache.snapshot()).toMatchObject({ stored: 0, refused: 2, hits: 0, store: { entries: 0 } })
    },
  )
})
