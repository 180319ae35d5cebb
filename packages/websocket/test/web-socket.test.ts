import {
  ConfigError,
  createProxy,
  createUpstream,
  type Exchange,
  type InjectedReply,
  Reply,
  type TunnelCloseReason,
} from '@sluice/core'
import { fakeUpstream, virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { tunnelRefused, type TunnelRefusedEvent, webSocket, type WebSocketOptions } from '../src/index.ts'
import { chat } from './chat.ts'

const HANDSHAKE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/** Asks a handler behind the middleware, without a socket. */
function asking(
  options: WebSocketOptions,
  handle: (exchange: Exchange) => Reply | Promise<Reply> = () => Reply.text('let in'),
) {
  const guard = webSocket(options)
  const proxy = createProxy().use(guard).handle(handle)
  const ask = async (headers: Record<string, string> = {}): Promise<InjectedReply> =>
    await proxy.inject({ headers: { Host: 'chat.example.com', ...HANDSHAKE, ...headers } })
  return { guard, proxy, ask }
}

describe('origins', () => {
  const origins = ['https://app.example.com', 'https://*.friends.example', 'http://localhost:3000', 'same']

  it.each([
    ['https://app.example.com', 200],
    ['http://app.example.com', 403],
    ['https://app.example.com:8443', 403],
    ['https://app.example.com.evil.example', 403],
    ['https://evil.example/https://app.example.com', 403],
    ['https://one.friends.example', 200],
    ['https://one.two.friends.example', 200],
    ['https://friends.example', 403],
    ['https://evilfriends.example', 403],
    ['http://one.friends.example', 403],
    ['http://localhost:3000', 200],
    ['http://chat.example.com', 200],
    ['https://chat.example.com', 403],
    ['null', 403],
    ['https://app.example.com, https://evil.example', 403],
  ])('%s gets %i', async (origin, status) => {
    expect((await asking({ origins }).ask({ Origin: origin })).status).toBe(status)
  })

  it('without one is refused, unless it may be missing', async () => {
    expect((await asking({ origins }).ask()).status).toBe(403)
    expect((await asking({ origins, allowMissingOrigin: true }).ask()).status).toBe(200)
    expect((await asking({}).ask({ Origin: 'https://evil.example' })).status).toBe(200)
  })

  it('can be decided on by a function', async () => {
    const { ask } = asking({ origins: (origin, { request }) => origin === undefined && request.path === '/' })
    expect([(await ask()).status, (await ask({ Origin: 'https://a.example' })).status]).toEqual([200, 403])
  })

  it('that are refused never reach a target, and are told of', async () => {
    const seen: TunnelRefusedEvent[] = []
    const listen = (event: TunnelRefusedEvent) => seen.push(event)
    tunnelRefused.subscribe(listen)
    const { connect, server, guard } = await chat({ webSocket: { origins } })
    await expect(connect({ origin: 'https://evil.example' })).rejects.toThrow('403')
    tunnelRefused.unsubscribe(listen)
    expect([server.clients.size, seen.map(({ reason }) => reason)]).toEqual([0, ['origin']])
    expect(guard.snapshot()).toMatchObject({ tunnels: 0, refused: { origin: 1 } })
  })

  it('are not looked at where no WebSocket is asked for', async () => {
    const proxy = createProxy()
      .use(webSocket({ origins: [] }))
      .handle(() => Reply.text('a page'))
    expect((await proxy.inject({ headers: { Origin: 'https://evil.example' } })).status).toBe(200)
  })
})

describe('subprotocols', () => {
  it('that are not allowed are not asked for', async () => {
    const { ask } = asking({ subprotocols: ['chat.v2', 'chat.v1'] }, ({ request }) =>
      Reply.text(request.headers.get('sec-websocket-protocol') ?? 'none'),
    )
    const asked = async (text: string) => await (await ask({ 'Sec-WebSocket-Protocol': text })).text()
    expect(await asked('mqtt, chat.v1,chat.v2')).toBe('chat.v1, chat.v2')
    expect(await (await ask()).text()).toBe('none')
    expect((await ask({ 'Sec-WebSocket-Protocol': 'mqtt' })).status).toBe(400)
  })

  it('are what the target has chosen', async () => {
    const { url } = await chat({ webSocket: { subprotocols: ['a', 'b'] }, server: { handleProtocols: () => 'b' } })
    const { WebSocket } = await import('ws')
    const socket = new WebSocket(url, ['a', 'b', 'c'])
    await new Promise((resolve) => socket.once('open', resolve))
    expect(socket.protocol).toBe('b')
    socket.terminate()
  })
})

describe('tunnels of one client', () => {
  it('are no more than allowed, those that are being opened included', async () => {
    const waiting: (() => void)[] = []
    const { ask, guard } = asking(
      { maxPerClient: 2, clientKey: ({ request }) => request.headers.get('x-user') },
      async () => {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return Reply.text('done')
      },
    )
    const ada = { 'X-User': 'ada' }
    const first = [ask(ada), ask(ada)]
    expect((await ask(ada)).status).toBe(429)
    const others = [ask({ 'X-User': 'bob' }), ask(), ask(), ask()]
    expect(guard.snapshot()).toMatchObject({ tunnels: 6, clients: 2, refused: { 'client-limit': 1 } })
    for (const resolve of waiting) resolve()
    for (const reply of await Promise.all([...first, ...others])) expect(reply.status).toBe(200)
    expect(guard.snapshot()).toMatchObject({ tunnels: 0, clients: 0 })
  })

  it('give their places back when they are closed', async () => {
    const { connect, guard } = await chat({ webSocket: { maxPerClient: 1 } })
    const { socket } = await connect()
    await expect(connect()).rejects.toThrow('429')
    socket.close()
    await waitFor(() => guard.snapshot().tunnels === 0)
    await connect()
    expect(guard.snapshot().tunnels).toBe(1)
  })
})

describe('timeouts', () => {
  it('of the handshake answer 504, wherever it is stuck', async () => {
    const clock = virtualClock()
    const { transport } = fakeUpstream(() => ({ hang: true }), { clock })
    const upstream = createUpstream('chat', { targets: ['http://chat.test'], transport, clock })
    const proxy = createProxy({ clock })
      .use(webSocket({ handshakeTimeoutMs: 1_000 }))
      .forward(upstream)
    const pending = proxy.inject({ headers: HANDSHAKE })
    await clock.advanceAsync(999)
    expect(proxy.inFlight).toBe(1)
    await clock.advanceAsync(1)
    const reply = await pending
    expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([504, 'ERR_SLUICE_HEAD_TIMEOUT'])
    expect([proxy.inFlight, upstream.active, clock.pending]).toEqual([0, 0, 0])
  })

  it.each([
    ['idle', { idleTimeoutMs: 60 }],
    ['age', { maxAgeMs: 60 }],
  ] as [TunnelCloseReason, WebSocketOptions][])('close the tunnel: %s', async (reason, options) => {
    const { connect, proxy } = await chat({ webSocket: options })
    const { socket, heard } = await connect()
    const [tunnel] = proxy.tunnels
    socket.send('hello')
    await waitFor(() => heard.messages.length === 1)
    // Bytes pass as they are: there is no Close in them that the target has not sent.
    await waitFor(() => heard.closed?.code === 1006)
    await waitFor(() => proxy.tunnels.length === 0)
    expect(tunnel!.reason).toBe(reason)
  })
})

describe('options that are wrong', () => {
  it.each([
    [{ origins: ['app.example.com'] }, 'webSocket.origins[0]'],
    [{ origins: ['https://a.example', 'https://a.example/path'] }, 'webSocket.origins[1]'],
    [{ origins: ['*'] }, 'webSocket.origins[0]'],
    [{ origins: 'https://a.example' as never }, 'webSocket.origins'],
    [{ subprotocols: ['a b'] }, 'webSocket.subprotocols'],
    [{ idleTimeoutMs: -1 }, 'webSocket.idleTimeoutMs'],
    [{ maxAgeMs: Number.NaN }, 'webSocket.maxAgeMs'],
    [{ handshakeTimeoutMs: Number.POSITIVE_INFINITY }, 'webSocket.handshakeTimeoutMs'],
    [{ maxPerClient: 0 }, 'webSocket.maxPerClient'],
    [{ clientKey: 'ip' as never }, 'webSocket.clientKey'],
    [{ origin: ['https://app.example.com'] } as never, 'webSocket.origin'],
    [{ pingIntervalMs: 1_000 }, 'webSocket.pingIntervalMs'],
    [{ closeJitterMs: 1_000 }, 'webSocket.closeJitterMs'],
    [{ frames: true as never }, 'webSocket.frames'],
    [{ frames: { maxMessageBytes: 0 } }, 'webSocket.frames.maxMessageBytes'],
    [{ frames: { maxMessageBytes: 2 ** 31 } }, 'webSocket.frames.maxMessageBytes'],
    [{ frames: { onMessage: 1 as never } }, 'webSocket.frames.onMessage'],
    [{ frames: { compression: 'yes' as never } }, 'webSocket.frames.compression'],
    [{ frames: {}, pingIntervalMs: -1 }, 'webSocket.pingIntervalMs'],
  ] as [WebSocketOptions, string][])('%j are refused when it is built', (options, path) => {
    const build = () => webSocket(options)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(`${path}: `)
  })
})
