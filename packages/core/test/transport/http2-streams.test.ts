/** What becomes of a stream: both ways at once, slow, given up, cut. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { PassThrough, Readable } from 'node:stream'
import { virtualClock, waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createProxy,
  createUpstream,
  DownstreamError,
  type Exchange,
  type ForwardOptions,
  http2Transport,
  type Http2TransportOptions,
  type Proxy,
} from '../../src/index.ts'
import { type Http2Target, http2Target, type OnStream } from './http2-target.ts'

let target: Http2Target
let upstream: ReturnType<typeof createUpstream>
let latest: Exchange | undefined

async function proxyTo(
  onStream: OnStream,
  options: Http2TransportOptions = {},
  forward: ForwardOptions = {},
): Promise<Proxy> {
  target = await http2Target(onStream)
  const transport = http2Transport({ priorKnowledge: true, ...options })
  upstream = createUpstream('h2', { targets: [target.url], transport, ...(options.clock && { clock: options.clock }) })
  return createProxy(options.clock && { clock: options.clock })
    .use((exchange, next) => {
      latest = exchange
      return next(exchange)
    })
    .forward(upstream, forward)
}

afterEach(async () => {
  await upstream.destroy()
  await target.close()
})

/** How the target saw its stream end. */
async function ending(stream: ServerHttp2Stream): Promise<number | undefined> {
  if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve))
  return stream.rstCode
}

function statsOf(): { active: number; connected: number; pending: number } {
  return upstream.transport.stats(upstream.targets[0]!)
}

describe('both ways at once', () => {
  it('a reply begins, and flows, while the request is still being sent', async () => {
    const proxy = await proxyTo((stream) => {
      stream.respond({ ':status': 200 })
      stream.on('data', (chunk: Buffer) => stream.write(`<${String(chunk)}>`)).on('end', () => stream.end('.'))
    })
    const request = new PassThrough()
    const reply = await proxy.inject({ method: 'POST', body: Body.fromReadable(request) })
    expect(reply.status).toBe(200)
    const received = reply.body.readable()
    let text = ''
    received.on('data', (chunk: Buffer) => (text += String(chunk)))
    for (const word of ['one', 'two', 'three']) {
      request.write(word)
      await waitFor(() => text.endsWith(`<${word}>`))
    }
    request.end()
    await waitFor(() => text.endsWith('.'))
    await waitFor(() => statsOf().active === 0)
  })

  it('a target that is not read from, and a client that is not read to, wait for each other', async () => {
    let sent = 0
    let held: ServerHttp2Stream | undefined
    const proxy = await proxyTo(
      (stream, headers) => {
        stream.respond({ ':status': 200 })
        if (headers[':path'] === '/other') {
          stream.end()
          return
        }
        held = stream
        // Reads nothing of the request, and writes as long as it may.
        const more = (): void => {
          do sent += 1_024
          while (stream.write(Buffer.alloc(1_024)))
          stream.once('drain', more)
        }
        more()
      },
      { initialWindowBytes: 65_535 },
    )
    let given = 0
    const endless = new Readable({
      read() {
        given += 16_384
        setImmediate(() => this.push(Buffer.alloc(16_384)))
      },
    })
    const reply = await proxy.inject({ method: 'POST', body: Body.fromReadable(endless) })
    const received = reply.body.readable()
    await waitFor(() => given >= 65_536 && sent >= 65_535)
    // There and back on the same connection, often enough for those who do not wait to have given much more.
    for (let i = 0; i < 30; i++) await (await proxy.inject({ path: '/other' })).text()
    expect(given).toBeLessThan(300_000)
    expect(sent).toBeLessThan(300_000)
    const before = sent
    received.on('data', () => {})
    await waitFor(() => sent > before + 1_000_000)
    received.destroy()
    expect(await ending(held!)).toBe(constants.NGHTTP2_CANCEL)
  })

  it('a reader that stops in the middle has the target wait', async () => {
    let sent = 0
    const proxy = await proxyTo(
      (stream, headers) => {
        stream.respond({ ':status': 200 })
        if (headers[':path'] !== '/endless') {
          stream.end()
          return
        }
        const more = (): void => {
          do sent += 1_024
          while (stream.write(Buffer.alloc(1_024)))
          stream.once('drain', more)
        }
        more()
      },
      { initialWindowBytes: 65_535 },
    )
    const received = (await proxy.inject({ path: '/endless' })).body.readable()
    await new Promise((resolve) => received.once('readable', resolve))
    received.read(1_000)
    // There and back on the same connection, often enough for a target that does not wait to have sent much more.
    for (let i = 0; i < 20; i++) await (await proxy.inject()).text()
    expect(sent).toBeLessThan(300_000)
    received.destroy()
  })

  it('a reply that is complete ends a request that is not', async () => {
    let seen: ServerHttp2Stream | undefined
    const proxy = await proxyTo((stream) => {
      seen = stream.resume()
      stream.respond({ ':status': 413 })
      stream.end('too much')
    })
    const request = new PassThrough()
    request.write('x')
    const reply = await proxy.inject({ method: 'POST', body: Body.fromReadable(request) })
    expect([reply.status, await reply.text()]).toEqual([413, 'too much'])
    expect(reply.exchange.attempts[0]!.phase).toBe('complete')
    await waitFor(() => request.destroyed)
    expect(await ending(seen!)).toBe(constants.NGHTTP2_CANCEL)
    await waitFor(() => statsOf().active === 0)
    expect(statsOf().connected).toBe(1)
  })
})

describe('what is given up', () => {
  it('is cancelled at the target: by a client that leaves, before the head and behind it, and by its body that breaks', async () => {
    const streams: ServerHttp2Stream[] = []
    let complete = 0
    const proxy = await proxyTo((stream, headers) => {
      streams.push(stream)
      stream.resume().on('end', () => {
        if (headers[':method'] === 'POST' && !stream.closed) complete++
      })
      if (headers[':path'] !== '/head') return
      stream.respond({ ':status': 200 })
      stream.write('x')
    })
    const waiting = proxy.inject({ path: '/wait' })
    await waitFor(() => streams.length === 1)
    latest!.abort()
    expect((await waiting).exchange.attempts[0]!.phase).toBe('cancelled')
    const begun = await proxy.inject({ path: '/head' })
    begun.body.cancel()
    const request = new PassThrough()
    request.write('x')
    const broken = proxy.inject({ method: 'POST', path: '/body', body: Body.fromReadable(request) })
    await waitFor(() => streams.length === 3)
    request.destroy(new Error('gone'))
    expect((await broken).exchange.attempts[0]!.error).toBeInstanceOf(DownstreamError)
    for (const stream of streams) expect(await ending(stream)).toBe(constants.NGHTTP2_CANCEL)
    // What there was of the request was not taken for the whole of it.
    expect(complete).toBe(0)
    // The connection has not suffered.
    expect([target.total, statsOf().connected]).toEqual([1, 1])
  })
})

describe('a reply that is cut', () => {
  const cuts: Record<string, (stream: ServerHttp2Stream) => void> = {
    'by a reset without an error': (stream) => stream.destroy(),
    'by a reset': (stream) => stream.destroy(new Error('failed')),
    'with its session': (stream) => stream.session!.destroy(),
    'with its connection': () => target.cut(),
  }
  for (const [how, cut] of Object.entries(cuts)) {
    it(`${how} is not taken for complete`, async () => {
      let cutNow = (): void => {}
      const proxy = await proxyTo((stream) => {
        stream.respond({ ':status': 200 })
        stream.write('part')
        cutNow = () => cut(stream)
      })
      for (const method of ['GET', 'POST']) {
        const request = new PassThrough()
        const init = method === 'POST' ? { method, body: Body.fromReadable(request) } : { method }
        const reply = await proxy.inject(init)
        const text = reply.text()
        cutNow()
        await expect(text).rejects.toMatchObject({ code: 'ERR_SLUICE_RESPONSE_TRUNCATED' })
        expect(reply.exchange.attempts[0]!.phase).toBe('failed')
        await waitFor(() => statsOf().active === 0)
      }
    })
  }

  it('while its reader takes a pause is not taken for complete either', async () => {
    let seen: ServerHttp2Stream | undefined
    const proxy = await proxyTo((stream) => {
      seen = stream
      stream.respond({ ':status': 200 })
      stream.write(Buffer.alloc(100_000))
    })
    const reply = await proxy.inject()
    const received = reply.body.readable()
    const failed = new Promise<unknown>((resolve) => received.once('error', resolve))
    received.once('readable', () => seen!.destroy())
    await ending(seen!)
    // Another exchange on the same connection: the reset has come.
    ;(await proxy.inject()).body.cancel()
    received.resume()
    expect(await failed).toMatchObject({ code: 'ERR_SLUICE_RESPONSE_TRUNCATED' })
  })

  it('and one that ended while its reader took a pause is complete', async () => {
    let hasEnded = false
    const proxy = await proxyTo((stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(100_000))
      stream.once('close', () => (hasEnded = true))
    })
    const reply = await proxy.inject()
    await waitFor(() => hasEnded)
    expect((await reply.body.bytes()).byteLength).toBe(100_000)
    await waitFor(() => reply.exchange.attempts[0]!.phase === 'complete')
  })
})

describe('a request that gets no reply', () => {
  it('fails with its stream, and is not tried again', async () => {
    let count = 0
    const proxy = await proxyTo((stream) => {
      count++
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    })
    await proxy.inject()
    const reply = await proxy.inject()
    expect(reply.status).toBe(502)
    expect(reply.exchange.attempts[0]!.error).toMatchObject({
      code: 'ERR_SLUICE_CONNECTION_RESET',
      retry: 'never',
      message: 'the stream was reset: INTERNAL_ERROR',
    })
    expect([count, target.total]).toEqual([2, 1])
  })

  it('is tried once more where its connection was used before and is lost', async () => {
    let count = 0
    const proxy = await proxyTo((stream) => {
      if (++count === 2) target.cut()
      else {
        stream.respond({ ':status': 200 })
        stream.end('ok')
      }
    })
    await (await proxy.inject()).text()
    const reply = await proxy.inject()
    expect([reply.status, await reply.text(), count, target.total]).toEqual([200, 'ok', 3, 2])
    expect(reply.exchange.attempts.map(({ error }) => error?.code)).toEqual(['ERR_SLUICE_CONNECTION_RESET', undefined])
  })

  it('is refused: another target gets it, whatever its method', async () => {
    const other = await http2Target((stream) => {
      stream.respond({ ':status': 200 })
      stream.end('other')
    })
    const proxy = await proxyTo((stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM))
    expect((await proxy.inject({ method: 'POST', body: 'x' })).exchange.attempts[0]!.error).toMatchObject({
      code: 'ERR_SLUICE_STREAM_REFUSED',
      retry: 'safe',
    })
    upstream.add(other.url)
    for (let i = 0; i < 2; i++) expect(await (await proxy.inject({ method: 'POST', body: 'x' })).text()).toBe('other')
    await upstream.remove(other.url)
    await other.close()
  })
})

describe('timeouts', () => {
  const options = { headTimeoutMs: 1_000, bodyIdleTimeoutMs: 1_000 }

  it('a head that does not come', async () => {
    const clock = virtualClock()
    let seen = 0
    const proxy = await proxyTo(() => void seen++, { clock }, options)
    const reply = proxy.inject()
    await waitFor(() => seen === 1)
    clock.advance(1_000)
    expect((await reply).status).toBe(504)
    expect((await reply).exchange.attempts[0]!.error?.code).toBe('ERR_SLUICE_HEAD_TIMEOUT')
  })

  it('not while the client sends, however long that takes', async () => {
    const clock = virtualClock()
    const proxy = await proxyTo(
      (stream) => {
        stream.resume().on('end', () => {
          stream.respond({ ':status': 200 })
          stream.end('ok')
        })
      },
      { clock },
      options,
    )
    const request = new PassThrough()
    const reply = proxy.inject({ method: 'POST', body: Body.fromReadable(request) })
    request.write('x')
    await waitFor(() => statsOf().active === 1)
    clock.advance(60_000)
    request.end('y')
    expect((await reply).status).toBe(200)
    expect(await (await reply).text()).toBe('ok')
  })

  it('a body that falls silent, but not one whose reader does', async () => {
    const clock = virtualClock()
    let sent = 0
    const proxy = await proxyTo(
      (stream, headers) => {
        stream.respond({ ':status': 200 })
        if (headers[':path'] === '/silent') {
          stream.write('x')
          return
        }
        const more = (): void => {
          do sent += 1_000
          while (sent < 2_000_000 && stream.write(Buffer.alloc(1_000)))
          if (sent < 2_000_000) stream.once('drain', more)
          else stream.end(Buffer.alloc(1_000))
        }
        more()
      },
      { clock },
      options,
    )
    const silent = await proxy.inject({ path: '/silent' })
    const text = silent.text()
    await waitFor(() => statsOf().active === 1)
    clock.advance(1_000)
    await expect(text).rejects.toMatchObject({ code: 'ERR_SLUICE_BODY_IDLE' })
    const slow = (await proxy.inject({ path: '/slow' })).body.readable()
    await new Promise((resolve) => slow.once('readable', resolve))
    await waitFor(() => slow.readableLength >= slow.readableHighWaterMark)
    clock.advance(60_000)
    expect((await slow.toArray()).reduce((sum: number, chunk: Buffer) => sum + chunk.byteLength, 0)).toBe(2_000_000)
  })
})
