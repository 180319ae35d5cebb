import { once } from 'node:events'
import { constants, type ClientHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { listenUpstream, virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  ConfigError,
  createProxy,
  createUpstream,
  type ListenOptions,
  nodeListener,
  Reply,
  wireListener,
} from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'
import { ask, CLEARTEXT, connectTo, OVER_TLS, replyOn, WAYS } from './http2-client.ts'
import { FLAG, frame, getHead, getRequest, PREFACE, RawHttp2, TYPE } from './raw-frames.ts'

/** Holds every request of `/held` until it is let go. */
async function open(options: ListenOptions, clock = virtualClock()) {
  const held: (() => void)[] = []
  const proxy = createProxy({ clock })
    .route({ path: '/held' }, (r) =>
      r.handle(async () => {
        await new Promise<void>((resolve) => held.push(resolve))
        return Reply.text('held')
      }),
    )
    .route({ path: '/read' }, (r) => r.handle(async ({ body }) => Reply.text(await body.text())))
    .handle(({ client }) => Reply.text(client.peer.address))
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  const listener = await proxy.listen({ host: '127.0.0.1', ...options })
  return { proxy, listener, held, clock }
}

/** Moves the time on until something has happened. */
async function pass(clock: ReturnType<typeof virtualClock>, ms: number, until: () => boolean): Promise<void> {
  await waitFor(() => (clock.advance(ms), until()))
}

function isOver(session: ClientHttp2Session): boolean {
  return session.destroyed
}

describe.each(WAYS)('a connection to $name', ({ options }) => {
  it('is closed once it has been idle for long enough, and not before', async () => {
    const { listener, clock } = await open({ ...options(), idleTimeoutMs: 10_000 })
    const session = await connectTo(listener)
    await ask(session)
    let hasGone = false
    session.on('goaway', () => (hasGone = true))
    clock.advance(9_000)
    expect((await ask(session)).status).toBe(200)
    clock.advance(9_000)
    expect(hasGone).toBe(false)
    await pass(clock, 1_000, () => isOver(session))
    await waitFor(() => listener.connections === 0)
  })

  it('closes in order: what is under way is answered, and nothing new is taken', async () => {
    const { listener, proxy, held } = await open(options())
    const [busy, idle] = [await connectTo(listener), await connectTo(listener)]
    const reply = ask(busy, { ':path': '/held' })
    await waitFor(() => held.length === 1)
    const closed = proxy.close({ drainMs: 60_000 })
    await waitFor(() => isOver(idle))
    expect(isOver(busy)).toBe(false)
    held[0]!()
    expect(await reply).toMatchObject({ status: 200, isWhole: true })
    await closed
    await waitFor(() => isOver(busy))
  })

  it('is closed at once where the time to close is over', async () => {
    const { listener, proxy, held, clock } = await open(options())
    const session = await connectTo(listener)
    const reply = ask(session, { ':path': '/held' })
    await waitFor(() => held.length === 1)
    const closed = proxy.close({ drainMs: 1_000 })
    clock.advance(1_000)
    await closed
    expect((await reply).isWhole).toBe(false)
    await waitFor(() => isOver(session))
    await waitFor(() => listener.connections === 0)
  })

  it('is retired after as many requests as it may serve, of which none is lost', async () => {
    const { listener } = await open({ ...options(), maxRequestsPerConnection: 5 })
    const session = await connectTo(listener)
    const replies = await Promise.all(Array.from({ length: 5 }, async () => await ask(session)))
    expect(replies.map(({ status, isWhole }) => [status, isWhole])).toEqual(replies.map(() => [200, true]))
    await waitFor(() => isOver(session))
  })

  it('is retired when it is old enough', async () => {
    const { listener, clock, held } = await open({ ...options(), maxConnectionAgeMs: 60_000 })
    const session = await connectTo(listener)
    const reply = ask(session, { ':path': '/held' })
    await waitFor(() => held.length === 1)
    let hasGone = false
    session.on('goaway', () => (hasGone = true))
    await pass(clock, 5_000, () => hasGone)
    held[0]!()
    expect((await reply).status).toBe(200)
    await waitFor(() => isOver(session))
  })

  it('is one of those that are counted and bounded', async () => {
    const { listener } = await open({ ...options(), maxConnections: 1 })
    const session = await connectTo(listener)
    expect(listener.connections).toBe(1)
    const refused = connect(listener.address.port, '127.0.0.1')
    refused.on('error', () => {})
    await once(refused, 'close')
    expect((await ask(session)).status).toBe(200)
    session.destroy()
    await waitFor(() => listener.connections === 0)
  })
})

describe('what a listener offers', () => {
  const ways = [wireListener, nodeListener]

  async function agreed(options: ListenOptions, offered: string[]): Promise<string> {
    const { listener } = await open(options)
    const socket = connectTls({
      port: listener.address.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: LOCALHOST.cert,
      ALPNProtocols: offered,
    })
    onTestFinished(() => void socket.destroy())
    const failed = once(socket, 'error').then(([error]) => (error as Error).message)
    failed.catch(() => {})
    const secured = once(socket, 'secureConnect').then(() => String(socket.alpnProtocol))
    secured.catch(() => {})
    return await Promise.race([secured, failed])
  }

  it.each(ways)('is HTTP/2 and HTTP/1.1, the former first: %o', async (create) => {
    const tls = { listener: create(), tls: LOCALHOST }
    expect(await agreed({ ...tls, listener: create() }, ['http/1.1', 'h2'])).toBe('h2')
    expect(await agreed({ ...tls, listener: create() }, ['http/1.1'])).toBe('http/1.1')
    expect(await agreed({ ...tls, listener: create() }, ['spdy/3'])).toMatch(/no application protocol/i)
  })

  it.each(ways)('is HTTP/1.1 alone where that is asked for: %o', async (create) => {
    const tls = { tls: LOCALHOST, http2: false }
    expect(await agreed({ ...tls, listener: create() }, ['h2', 'http/1.1'])).toBe('http/1.1')
    expect(await agreed({ ...tls, listener: create() }, ['h2'])).toMatch(/no application protocol/i)
  })

  it('is no HTTP/2 without TLS unless that is asked for', async () => {
    const { listener } = await open({})
    const client = await RawHttp2.open(listener)
    await waitFor(() => client.isClosed)
    expect(client.frames).toEqual([])
  })

  it.each([
    [{ http2: { cleartext: true }, tls: LOCALHOST }, 'listen.http2.cleartext'],
    [{ http2: { maxConcurrentStreams: 0 } }, 'listen.http2.maxConcurrentStreams'],
    [{ http2: { initialWindowBytes: 2 ** 31 } }, 'listen.http2.initialWindowBytes'],
    [{ http2: { connectionWindowBytes: 1_000 } }, 'listen.http2.connectionWindowBytes'],
    [{ http2: { maxSessionMemoryBytes: 10 } }, 'listen.http2.maxSessionMemoryBytes'],
    [{ http2: { resetBurst: 0 } }, 'listen.http2.resetBurst'],
    [{ http2: { controlsPerSecond: Number.NaN } }, 'listen.http2.controlsPerSecond'],
  ] as const)('is checked: %o', async (options, path) => {
    const error = await open(options).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ path })
  })
})

describe.each(WAYS.filter(({ name }) => name.endsWith('without TLS')))('$name', ({ options }) => {
  /** What comes back for bytes that are written one at a time. */
  async function answerTo(
    text: string,
    given: ListenOptions = {},
  ): Promise<{ received: () => string; socket: Socket }> {
    const { listener } = await open({ ...options(), ...given })
    const socket = connect(listener.address.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let received = ''
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
    for (const each of text) await new Promise((resolve) => socket.write(each, 'latin1', resolve))
    return { received: () => received, socket }
  }

  it('tells the two protocols apart however their bytes arrive', async () => {
    const one = await answerTo('PROPFIND / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    await waitFor(() => one.received().startsWith('HTTP/1.1 200 OK\r\n'))
    const two = await answerTo(PREFACE + frame(TYPE.SETTINGS, 0, 0).toString('latin1'))
    // SETTINGS comes first.
    await waitFor(() => two.received().charCodeAt(3) === TYPE.SETTINGS)
  })

  it('serves what came with the first bytes', async () => {
    const { listener } = await open(options())
    const client = await RawHttp2.open(listener)
    client.write(getRequest(1))
    await waitFor(() => client.of(TYPE.DATA, 1).length > 0)
    const socket = connect(listener.address.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write(Buffer.concat([Buffer.from(PREFACE), frame(TYPE.SETTINGS, 0, 0), getRequest(1), getRequest(3)]))
    const other = new RawHttp2(socket)
    await waitFor(() => other.of(TYPE.DATA, 1).length > 0 && other.of(TYPE.DATA, 3).length > 0)
  })

  it('closes a connection on which nothing comes, or half a preface', async () => {
    const { listener, clock } = await open({ ...options(), idleTimeoutMs: 30_000, headTimeoutMs: 10_000 })
    for (const [begin, limitMs] of [
      ['', 30_000],
      [PREFACE.slice(0, 10), 10_000],
    ] as const) {
      const socket = connect(listener.address.port, '127.0.0.1')
      let isClosed = false
      socket.on('close', () => (isClosed = true))
      socket.write(begin)
      await waitFor(() => listener.connections === 1)
      // What was written has to be seen before the time begins.
      if (begin !== '') await new Promise((resolve) => setTimeout(resolve, 20))
      clock.advance(limitMs - 1)
      expect(isClosed).toBe(false)
      await pass(clock, 1, () => isClosed)
      await waitFor(() => listener.connections === 0)
    }
  })

  it('closes with a connection that has not said a word', async () => {
    const { listener, proxy } = await open(options())
    const socket = connect(listener.address.port, '127.0.0.1')
    await waitFor(() => listener.connections === 1)
    await proxy.close()
    await once(socket, 'close')
  })

  it('believes the PROXY protocol in front of it', async () => {
    const { listener } = await open({ ...options(), proxyProtocol: { trust: ['127.0.0.1'] } })
    const session = await connectTo(listener, {
      createConnection: () => {
        const socket = connect(listener.address.port, '127.0.0.1')
        socket.write('PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n')
        return socket
      },
    })
    expect((await ask(session)).body.toString()).toBe('192.0.2.7')
  })
})

describe.each(WAYS.filter(({ name }) => name.endsWith('with TLS')))('$name', ({ options }) => {
  it('believes the PROXY protocol in front of it', async () => {
    const { listener } = await open({ ...options(), proxyProtocol: { trust: ['127.0.0.1'] } })
    const session = await connectTo(listener, {
      createConnection: () => {
        const socket = connect(listener.address.port, '127.0.0.1')
        socket.write('PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n')
        return connectTls({ socket, servername: 'localhost', ca: LOCALHOST.cert, ALPNProtocols: ['h2'] })
      },
    })
    expect((await ask(session)).body.toString()).toBe('192.0.2.7')
  })
})

describe.each([OVER_TLS, CLEARTEXT])('time on $name', ({ options }) => {
  it('is over for a body that stalls: 408', async () => {
    const { listener, clock } = await open({ ...options(), bodyIdleTimeoutMs: 5_000 })
    const stream = (await connectTo(listener)).request({ ':method': 'POST', ':path': '/read' })
    const reply = replyOn(stream)
    let isOver = false
    stream.on('response', () => (isOver = true))
    stream.write('begun')
    await pass(clock, 1_000, () => isOver)
    expect(await reply).toMatchObject({ status: 408 })
  })

  it('is over for a whole request, however lively it is', async () => {
    const { listener, clock } = await open({ ...options(), requestTimeoutMs: 5_000 })
    const stream = (await connectTo(listener)).request({ ':method': 'POST', ':path': '/read' })
    const reply = replyOn(stream)
    let isOver = false
    stream.on('response', () => (isOver = true))
    await pass(clock, 500, () => (stream.write('more'), isOver))
    expect(await reply).toMatchObject({ status: 408 })
  })

  it('is not over for a body whose reader takes its time', async () => {
    const { listener, clock, held } = await open({ ...options(), bodyIdleTimeoutMs: 5_000 })
    const reply = ask(await connectTo(listener), { ':method': 'POST', ':path': '/held' }, 'content')
    await waitFor(() => held.length === 1)
    for (let i = 0; i < 10; i++) clock.advance(5_000)
    held[0]!()
    expect(await reply).toMatchObject({ status: 200 })
  })

  it('is over for a client that never takes its reply', async () => {
    const clock = virtualClock()
    const target = await listenUpstream(({ path }) => ({ body: Buffer.alloc(path === '/large' ? 1_000_000 : 10) }))
    onTestFinished(async () => await target.close())
    const proxy = createProxy({ clock }).forward(createUpstream('u', { targets: [target.url] }))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const listener = await proxy.listen({ ...options(), sendTimeoutMs: 10_000 })
    // Its windows are empty from the beginning.
    const settings = Buffer.from([0, 4, 0, 0, 0, 0])
    for (const path of ['/large', '/small']) {
      const client = await RawHttp2.open(listener, settings)
      client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, getHead(path)))
      await waitFor(() => client.of(TYPE.HEADERS, 1).length === 1)
      expect(proxy.inFlight).toBe(1)
      await pass(clock, 1_000, () => proxy.inFlight === 0)
      await waitFor(() => client.resetOf(1) === constants.NGHTTP2_INTERNAL_ERROR)
    }
  })
})
