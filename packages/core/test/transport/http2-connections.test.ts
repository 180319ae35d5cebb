/** How many connections there are, which are used, and what ends them. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { createServer as createHttp1Server } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { certificateAuthority, listenUpstream, virtualClock, waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createProxy,
  createUpstream,
  type ForwardOptions,
  http2Transport,
  type Http2TransportOptions,
  type Proxy,
  type Upstream,
} from '../../src/index.ts'
import { type Http2Target, http2Target, type OnStream } from './http2-target.ts'

const authority = certificateAuthority()
const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

interface Scene {
  readonly proxy: Proxy
  readonly upstream: Upstream
  readonly target: Http2Target
}

async function scene(
  onStream: OnStream,
  options: Http2TransportOptions = {},
  forward: ForwardOptions = {},
  serverOptions: Parameters<typeof http2Target>[1] = {},
): Promise<Scene> {
  const target = await http2Target(onStream, serverOptions)
  closing.push(() => target.close())
  return { target, ...proxyTo(target.url, { priorKnowledge: true, ...options }, forward) }
}

function proxyTo(url: string, options: Http2TransportOptions, forward: ForwardOptions = {}): Omit<Scene, 'target'> {
  const { clock } = options
  const transport = http2Transport(options)
  const upstream = createUpstream('h2', { targets: [url], transport, ...(clock && { clock }) })
  closing.push(() => upstream.destroy())
  return { upstream, proxy: createProxy(clock && { clock }).forward(upstream, forward) }
}

const answer: OnStream = (stream) => {
  stream.respond({ ':status': 200 })
  stream.end('ok')
}

/** Streams that wait to be answered. */
function held(): { streams: ServerHttp2Stream[]; hold: OnStream; answerAll: () => void } {
  const streams: ServerHttp2Stream[] = []
  return {
    streams,
    hold: (stream) => void streams.push(stream),
    answerAll() {
      for (const stream of streams.splice(0)) {
        stream.respond({ ':status': 200 })
        stream.end('ok')
      }
    },
  }
}

function statsOf({ transport, targets }: Upstream): { active: number; connected: number; pending: number } {
  return transport.stats(targets[0]!)
}

async function codeOf(reply: Promise<{ json(): Promise<unknown> }>): Promise<string> {
  return ((await (await reply).json()) as { code: string }).code
}

describe('streams', () => {
  it('share a connection, and those beyond its limit get another', async () => {
    const { streams, hold, answerAll } = held()
    const { proxy, upstream, target } = await scene(hold, { maxConcurrentStreams: 20 })
    const replies = Array.from({ length: 20 }, () => proxy.inject())
    await waitFor(() => streams.length === 20)
    expect(target.total).toBe(1)
    replies.push(...Array.from({ length: 25 }, () => proxy.inject()))
    await waitFor(() => streams.length === 45)
    expect(target.total).toBe(3)
    expect(statsOf(upstream)).toEqual({ connected: 3, active: 45, pending: 0 })
    answerAll()
    for (const reply of replies) expect(await (await reply).text()).toBe('ok')
    await waitFor(() => statsOf(upstream).active === 0)
  })

  it('are as many as the target allows, and the others wait for those', async () => {
    const { streams, hold, answerAll } = held()
    const options = { maxConnections: 1, maxPending: 2 }
    const { proxy, upstream, target } = await scene(hold, options, {}, { settings: { maxConcurrentStreams: 3 } })
    const textOf = async (): Promise<string> => await (await proxy.inject()).text()
    const first = textOf()
    await waitFor(() => streams.length === 1)
    const texts = [first, ...Array.from({ length: 4 }, textOf)]
    await waitFor(() => streams.length === 3)
    expect(statsOf(upstream)).toEqual({ connected: 1, active: 3, pending: 2 })
    expect(await codeOf(proxy.inject())).toBe('ERR_SLUICE_QUEUE_FULL')
    answerAll()
    await waitFor(() => streams.length === 2)
    answerAll()
    expect(await Promise.all(texts)).toEqual(Array.from({ length: 5 }, () => 'ok'))
    expect(target.total).toBe(1)
  })

  it('wait no longer than they may', async () => {
    const clock = virtualClock()
    const { streams, hold } = held()
    const { proxy } = await scene(hold, { clock, maxConnections: 1, maxConcurrentStreams: 1, pendingTimeoutMs: 500 })
    void proxy.inject()
    await waitFor(() => streams.length === 1)
    const late = proxy.inject()
    clock.advance(500)
    expect(await codeOf(late)).toBe('ERR_SLUICE_QUEUE_FULL')
  })
})

describe('a connection', () => {
  it('that the target ends with GOAWAY serves what it has, and what it did not look at goes to another', async () => {
    const streams: ServerHttp2Stream[] = []
    const { proxy, target } = await scene((stream) => {
      if (streams.push(stream) === 2) stream.session!.goaway(constants.NGHTTP2_NO_ERROR, streams[0]!.id)
      if (streams.length > 2) answer(stream, {}, [])
    })
    const first = proxy.inject({ method: 'POST', body: 'a' })
    await waitFor(() => streams.length === 1)
    const second = proxy.inject({ method: 'POST', body: 'b' })
    expect(await (await second).text()).toBe('ok')
    expect((await second).exchange.attempts).toHaveLength(1)
    expect(target.total).toBe(2)
    streams[0]!.respond({ ':status': 200 })
    streams[0]!.end('late')
    expect(await (await first).text()).toBe('late')
    await waitFor(() => target.sessions.length === 1)
  })

  it('that ends with GOAWAY fails a request whose body can not be sent again, so that it may be tried elsewhere', async () => {
    const streams: ServerHttp2Stream[] = []
    const { proxy } = await scene((stream) => {
      if (streams.push(stream) === 2) stream.session!.goaway(constants.NGHTTP2_NO_ERROR, streams[0]!.id)
    })
    void proxy.inject()
    await waitFor(() => streams.length === 1)
    const request = new PassThrough()
    request.write('x')
    const reply = await proxy.inject({ method: 'POST', body: Body.fromReadable(request) })
    expect(reply.exchange.attempts[0]!.error).toMatchObject({ code: 'ERR_SLUICE_STREAM_REFUSED', retry: 'safe' })
    expect(reply.status).toBe(503)
  })

  it('that is idle for long is closed', async () => {
    const clock = virtualClock()
    const { proxy, upstream, target } = await scene(answer, { clock, idleTimeoutMs: 1_000 })
    for (let i = 0; i < 3; i++) {
      await (await proxy.inject()).text()
      await waitFor(() => statsOf(upstream).active === 0)
      clock.advance(900)
    }
    expect(target.total).toBe(1)
    clock.advance(100)
    await waitFor(() => target.sessions.length === 0 && statsOf(upstream).connected === 0)
  })

  it('that is old gets nothing new, and ends when what it has is done', async () => {
    const clock = virtualClock()
    const { streams, hold, answerAll } = held()
    const { proxy, target } = await scene(hold, { clock, maxLifetimeMs: 10_000, random: () => 0 })
    const first = proxy.inject()
    await waitFor(() => streams.length === 1)
    clock.advance(10_000)
    const second = proxy.inject()
    await waitFor(() => streams.length === 2)
    expect(target.total).toBe(2)
    answerAll()
    expect([await (await first).text(), await (await second).text()]).toEqual(['ok', 'ok'])
    await waitFor(() => target.sessions.length === 1)
  })

  it('that does not answer a PING is closed, with its streams', async () => {
    const clock = virtualClock()
    const { streams, hold } = held()
    const { proxy, target } = await scene(hold, { clock, pingIntervalMs: 1_000, pingTimeoutMs: 500 })
    const first = proxy.inject({ method: 'POST', body: 'x' })
    await waitFor(() => streams.length === 1)
    let pings = 0
    target.sessions[0]!.on('ping', () => pings++)
    clock.advance(1_000)
    await waitFor(() => pings === 1)
    // The answer has to be back before the next one is asked for.
    const second = proxy.inject({ method: 'POST', body: 'y' })
    await waitFor(() => streams.length === 2)
    target.silence()
    clock.advance(1_000)
    clock.advance(500)
    for (const reply of [first, second]) expect(await codeOf(reply)).toBe('ERR_SLUICE_CONNECTION_RESET')
  })

  it('that was silent once gets nothing new before it has answered a PING', async () => {
    const clock = virtualClock()
    let isAnswering = false
    const { proxy, upstream, target } = await scene(
      (stream) => {
        if (!isAnswering) return
        stream.respond({ ':status': 200 })
        stream.end(String(all.indexOf(stream.session!)))
      },
      { clock, pingTimeoutMs: 5_000 },
      { headTimeoutMs: 100 },
    )
    const all = target.everySession
    const answeredBy = async (): Promise<string> => await (await proxy.inject()).text()
    const timedOut = async (): Promise<void> => {
      isAnswering = false
      const reply = proxy.inject()
      await waitFor(() => statsOf(upstream).active === 1)
      clock.advance(100)
      expect(await codeOf(reply)).toBe('ERR_SLUICE_HEAD_TIMEOUT')
      isAnswering = true
    }
    await timedOut()
    expect(await answeredBy()).toBe('1')
    // It answers: only that request was slow.
    for (let i = 0; i < 50 && (await answeredBy()) !== '0'; i++);
    expect(await answeredBy()).toBe('0')
    // It does not.
    target.silence()
    await timedOut()
    expect(await answeredBy()).not.toBe('0')
    clock.advance(5_000)
    await waitFor(() => statsOf(upstream).connected === 1)
  })

  it('is closed with its upstream, behind what is under way', async () => {
    const { streams, hold, answerAll } = held()
    const { proxy, upstream, target } = await scene(hold)
    const reply = proxy.inject()
    await waitFor(() => streams.length === 1)
    let isClosed = false
    const closed = upstream.close().then(() => (isClosed = true))
    expect(await codeOf(proxy.inject())).toBe('ERR_SLUICE_CLOSING')
    expect(isClosed).toBe(false)
    answerAll()
    expect(await (await reply).text()).toBe('ok')
    await closed
    await waitFor(() => target.sessions.length === 0)
  })

  it('is closed with its target, behind what is under way', async () => {
    const other = await listenUpstream()
    closing.push(() => other.close())
    const { streams, hold, answerAll } = held()
    const { proxy, upstream, target } = await scene(hold)
    const reply = proxy.inject()
    await waitFor(() => streams.length === 1)
    const removed = upstream.remove(target.url)
    answerAll()
    expect(await (await reply).text()).toBe('ok')
    await removed
    await waitFor(() => target.sessions.length === 0)
  })
})

describe('a target that does not speak HTTP/2', () => {
  it('is one that can not be reached', async () => {
    const http1 = await listenUpstream()
    closing.push(() => http1.close())
    const { proxy } = proxyTo(http1.url, { priorKnowledge: true })
    const reply = await proxy.inject({ method: 'POST', body: 'x' })
    expect(reply.exchange.attempts[0]!.error).toMatchObject({ code: 'ERR_SLUICE_CONNECT_FAILED', retry: 'safe' })
  })

  it('nor anything is given up in time', async () => {
    const clock = virtualClock()
    const { server, sockets, url } = await silentServer()
    closing.push(async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    })
    const { proxy, upstream } = proxyTo(url, { priorKnowledge: true, clock, connectTimeoutMs: 300 })
    const reply = proxy.inject()
    await waitFor(() => sockets.length === 1)
    expect(statsOf(upstream)).toEqual({ connected: 0, active: 0, pending: 1 })
    clock.advance(300)
    expect(await codeOf(reply)).toBe('ERR_SLUICE_CONNECT_TIMEOUT')
  })

  it('refuses its connections', async () => {
    const { server, url } = await silentServer()
    await new Promise((resolve) => server.close(resolve))
    const { proxy } = proxyTo(url, { priorKnowledge: true })
    expect(await codeOf(proxy.inject())).toBe('ERR_SLUICE_CONNECT_REFUSED')
  })
})

describe('by ALPN', () => {
  const tls = { ca: authority.cert }

  it('a target that can gets HTTP/2', async () => {
    const target = await http2Target(answer, { ...authority.issue({ names: ['127.0.0.1'] }), allowHTTP1: true })
    closing.push(() => target.close())
    const { proxy, upstream } = proxyTo(target.url, { tls })
    for (let i = 0; i < 3; i++) {
      const reply = await proxy.inject()
      expect([await reply.text(), reply.headers.get('via')]).toEqual(['ok', '2.0 sluice'])
    }
    expect([target.total, statsOf(upstream).connected]).toEqual([1, 1])
  })

  it('one that can not gets HTTP/1.1, and is not asked again for a while', async () => {
    const clock = virtualClock()
    let connections = 0
    const server = createHttp1Server(
      { ...authority.issue({ names: ['127.0.0.1'] }), ALPNProtocols: ['http/1.1'] },
      (_request, response) => response.end('old'),
    ).on('connection', () => connections++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { proxy } = proxyTo(url, { tls, clock })
    for (let i = 0; i < 3; i++) {
      const reply = await proxy.inject({ method: 'POST', body: 'x' })
      expect([await reply.text(), reply.headers.get('via')]).toEqual(['old', '1.1 sluice'])
      expect(reply.exchange.attempts).toHaveLength(1)
    }
    expect(connections).toBe(2)
    clock.advance(600_000)
    await (await proxy.inject()).text()
    expect(connections).toBe(4)
    const strict = proxyTo(url, { tls, priorKnowledge: true })
    expect(await codeOf(strict.proxy.inject())).toBe('ERR_SLUICE_TLS_FAILED')
  })

  it('a certificate that does not verify is not accepted', async () => {
    const target = await http2Target(answer, authority.issue({ names: ['other.test'] }))
    closing.push(() => target.close())
    const { proxy } = proxyTo(target.url, { tls })
    expect(await codeOf(proxy.inject())).toBe('ERR_SLUICE_TLS_CERTIFICATE')
  })

  it('a target without TLS gets HTTP/1.1', async () => {
    const http1 = await listenUpstream()
    closing.push(() => http1.close())
    const { proxy } = proxyTo(http1.url, {})
    expect((await proxy.inject()).headers.get('via')).toBe('1.1 sluice')
  })
})

describe('options', () => {
  it('that are wrong are told by their place', () => {
    expect(() => http2Transport({ maxConcurrentStreams: 0 })).toThrow('http2Transport.maxConcurrentStreams')
    expect(() => http2Transport({ initialWindowBytes: 2 ** 31 })).toThrow('http2Transport.initialWindowBytes')
    expect(() => http2Transport({ tls: { pins: ['x'] } })).toThrow('http2Transport.tls.pins[0]')
  })
})

/** Accepts, and says nothing. */
async function silentServer(): Promise<{ server: Server; sockets: Socket[]; url: string }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, sockets, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
