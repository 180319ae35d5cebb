import { once } from 'node:events'
import { connect as connectRaw, type Socket } from 'node:net'
import { seededRandom, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { messagesCounted, type MessagesCountedEvent, type WebSocketOptions } from '../src/index.ts'
import { chat } from './chat.ts'

/** Messages, and what is to come back of them. */
async function conversation(options: WebSocketOptions, messages: readonly (string | Buffer)[], wanted: number) {
  const set = await chat({ webSocket: options })
  const { socket, heard } = await set.connect()
  for (const message of messages) socket.send(message)
  await waitFor(() => heard.messages.length === wanted)
  return { ...set, socket, heard }
}

describe('messages', () => {
  it('pass whole and in order, text as text and binary as binary', async () => {
    const kinds: boolean[] = []
    const { connect } = await chat({ webSocket: { frames: {} } })
    const { socket, heard } = await connect()
    socket.on('message', (_data, isBinary) => kinds.push(isBinary))
    socket.send('one')
    socket.send(Buffer.from('two'))
    socket.send('thr', { fin: false })
    socket.send('ee', { fin: true })
    socket.send('')
    await waitFor(() => heard.messages.length === 4)
    expect([heard.messages, kinds]).toEqual([
      ['one', 'two', 'three', ''],
      [false, true, false, false],
    ])
  })

  it('can be seen, edited and dropped', async () => {
    const seen: string[] = []
    const { heard, seenByTarget } = await conversation(
      {
        frames: {
          onMessage: ({ from, isBinary, data }) => {
            seen.push(`${from}: ${isBinary ? 'binary' : data.toString()}`)
            if (data.toString() === 'secret') return false
            if (from === 'target' && !isBinary) return `${data.toString()}!`
            return undefined
          },
        },
      },
      ['hello', 'secret', Buffer.from([1, 2])],
      2,
    )
    expect(seenByTarget.messages).toEqual(['hello', '\u0001\u0002'])
    expect(heard.messages).toEqual(['hello!', '\u0001\u0002'])
    expect(seen).toEqual(['client: hello', 'client: secret', 'client: binary', 'target: hello', 'target: binary'])
  })

  it('are counted by side and type', async () => {
    const events: MessagesCountedEvent[] = []
    const listen = (event: MessagesCountedEvent) => events.push(event)
    messagesCounted.subscribe(listen)
    const options: WebSocketOptions = { frames: { onMessage: ({ data }) => (data.length === 1 ? false : undefined) } }
    const { socket, guard, seenByTarget, proxy } = await conversation(options, ['text', Buffer.from('binary'), 'x'], 2)
    const { exchange } = proxy.tunnels[0]!
    socket.ping()
    await once(socket, 'pong')
    socket.close()
    await waitFor(() => seenByTarget.closed !== undefined && proxy.tunnels.length === 0)
    messagesCounted.unsubscribe(listen)
    const fromClient = { text: 2, binary: 1, ping: 1, pong: 0, dropped: 1, bytes: 11 }
    const fromTarget = { text: 1, binary: 1, ping: 0, pong: 1, dropped: 0, bytes: 10 }
    expect(guard.snapshot().messages).toEqual({ fromClient, fromTarget })
    expect(events.filter((event) => event.exchange === exchange)).toMatchObject([{ fromClient, fromTarget }])
  })

  it('that are too long end the tunnel with 1009, and nothing of them goes on', async () => {
    const { connect, seenByTarget, proxy } = await chat({ webSocket: { frames: { maxMessageBytes: 1_000 } } })
    const { socket, heard } = await connect()
    const [tunnel] = proxy.tunnels
    socket.send('x'.repeat(1_000))
    await waitFor(() => heard.messages.length === 1)
    socket.send('x'.repeat(1_001))
    await waitFor(() => heard.closed !== undefined && seenByTarget.closed !== undefined)
    expect([heard.closed?.code, seenByTarget.closed?.code, seenByTarget.messages.length]).toEqual([1009, 1001, 1])
    await waitFor(() => proxy.tunnels.length === 0)
    expect([tunnel!.reason, tunnel!.error]).toEqual(['error', expect.any(RangeError)])
  })

  it('that the target makes too long end it as well', async () => {
    const { connect, seenByTarget } = await chat({
      webSocket: { frames: { maxMessageBytes: 1_000 } },
      onConnection: (socket) => socket.send('x'.repeat(2_000)),
    })
    const { heard } = await connect()
    await waitFor(() => heard.closed !== undefined && seenByTarget.closed !== undefined)
    expect([heard.closed?.code, seenByTarget.closed?.code, heard.messages]).toEqual([1001, 1009, []])
  })

  it.each([
    ['text that is no UTF-8', [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28], 1007],
    ['without a mask', [0x81, 0x01, 0x78], 1002],
    ['with a reserved bit', [0xc1, 0x81, 0, 0, 0, 0, 0x78], 1002],
    ['of an unknown kind', [0x83, 0x80, 0, 0, 0, 0], 1002],
  ] as const)('that break the protocol get a Close that says so: %s', async (_, bytes, code) => {
    const { url, seenByTarget } = await chat({ webSocket: { frames: {} } })
    const { hostname, port } = new URL(url)
    const socket = connectRaw(Number(port), hostname)
    socket.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    socket.write(Buffer.from(bytes))
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => (received = Buffer.concat([received, chunk])))
    await once(socket, 'close')
    const close = received.subarray(received.indexOf('\r\n\r\n') + 4)
    expect([...close]).toEqual([0x88, 0x02, code >> 8, code & 0xff])
    await waitFor(() => seenByTarget.closed?.code === 1001)
  })

  it('whose hook throws end the tunnel with 1011, and the error is told', async () => {
    const errors: unknown[] = []
    const { connect, seenByTarget } = await chat({
      webSocket: {
        frames: {
          onMessage: () => {
            throw new Error('a bug')
          },
        },
      },
      proxy: { onError: (error) => errors.push(error) },
    })
    const { socket, heard } = await connect()
    socket.send('hello')
    await waitFor(() => heard.closed !== undefined && seenByTarget.closed !== undefined)
    expect([heard.closed?.code, seenByTarget.closed?.code]).toEqual([1011, 1011])
    expect(errors).toEqual([new Error('a bug')])
  })
})

describe('a Close', () => {
  it.each([
    [4_000, 'enough'],
    [1_000, ''],
  ])('passes with its code and reason: %i %j', async (code, reason) => {
    const { socket, heard, seenByTarget, proxy } = await conversation({ frames: {} }, ['x'], 1)
    socket.close(code, reason)
    await waitFor(() => seenByTarget.closed !== undefined && heard.closed !== undefined)
    expect([seenByTarget.closed, heard.closed]).toEqual([
      { code, reason },
      { code, reason },
    ])
    await waitFor(() => proxy.tunnels.length === 0)
  })

  it('without a code passes without one', async () => {
    const { socket, heard, seenByTarget } = await conversation({ frames: {} }, ['x'], 1)
    socket.close()
    await waitFor(() => seenByTarget.closed !== undefined && heard.closed !== undefined)
    expect([seenByTarget.closed?.code, heard.closed?.code]).toEqual([1005, 1005])
  })
})

describe('the end of the proxy', () => {
  it('is said to both sides with 1001, at different times, before the time is over', async () => {
    const { connect, seenByTarget, proxy } = await chat({
      webSocket: { frames: {}, closeJitterMs: 200 },
      proxy: { random: seededRandom(1) },
    })
    const clients = await Promise.all(Array.from({ length: 10 }, async () => await connect()))
    const closedAt: number[] = []
    for (const { socket } of clients) socket.on('close', () => closedAt.push(performance.now()))
    const tunnels = [...proxy.tunnels]
    const startedAt = performance.now()
    await proxy.close({ drainMs: 5_000 })
    expect(clients.map(({ heard }) => heard.closed?.code)).toEqual(Array.from({ length: 10 }, () => 1001))
    expect(seenByTarget.closed?.code).toBe(1001)
    expect(tunnels.map(({ reason }) => reason)).toEqual(Array.from({ length: 10 }, () => 'drain'))
    expect(Math.max(...closedAt) - Math.min(...closedAt)).toBeGreaterThan(50)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

describe('pings of the proxy', () => {
  it('keep a quiet tunnel, and neither side sees the other answer them', async () => {
    const pongs: string[] = []
    const { connect, guard, proxy } = await chat({
      webSocket: { frames: {}, pingIntervalMs: 20, idleTimeoutMs: 70 },
      onConnection: (socket) => socket.on('pong', (data) => pongs.push(data.toString())),
    })
    const { socket } = await connect()
    const pings: string[] = []
    socket.on('ping', (data) => pings.push(data.toString()))
    await waitFor(() => pings.length >= 6)
    expect([proxy.tunnels.length, pongs]).toEqual([1, []])
    socket.terminate()
    await waitFor(() => guard.snapshot().tunnels === 0)
    expect(guard.snapshot().messages?.fromClient.pong).toBeGreaterThanOrEqual(5)
  })

  it('close a tunnel whose client has stopped to answer', async () => {
    const { connect, proxy, seenByTarget } = await chat({ webSocket: { frames: {}, pingIntervalMs: 30 } })
    const { socket } = await connect({ autoPong: false })
    const [tunnel] = proxy.tunnels
    await waitFor(() => proxy.tunnels.length === 0, { timeoutMs: 3_000 })
    expect([tunnel!.reason, tunnel!.error?.message]).toEqual(['idle', 'the client does not answer pings'])
    await waitFor(() => seenByTarget.closed !== undefined)
    socket.terminate()
  })

  it('are not mixed up with those of the client', async () => {
    const { connect } = await chat({ webSocket: { frames: {}, pingIntervalMs: 1_000 } })
    const { socket } = await connect()
    socket.ping('mine')
    const [data] = (await once(socket, 'pong')) as [Buffer]
    expect(data.toString()).toBe('mine')
  })
})

describe('compression', () => {
  const text = 'all work and no play '.repeat(500)

  it.each([
    { offered: true, agreed: true, compression: true, client: 'permessage-deflate', target: 'permessage-deflate' },
    { offered: true, agreed: false, compression: true, client: 'permessage-deflate', target: '' },
    { offered: false, agreed: true, compression: true, client: '', target: '' },
    { offered: true, agreed: true, compression: false, client: '', target: '' },
  ])('is agreed with each side by itself: %j', async ({ offered, agreed, compression, client, target }) => {
    const { connect, server, seenByTarget, proxy } = await chat({
      webSocket: { frames: { compression } },
      server: { perMessageDeflate: agreed },
    })
    const { socket, heard } = await connect({ perMessageDeflate: offered })
    const [tunnel] = proxy.tunnels
    for (let i = 0; i < 5; i++) socket.send(`${i}${text}`)
    await waitFor(() => heard.messages.length === 5)
    expect(heard.messages).toEqual(Array.from({ length: 5 }, (_, i) => `${i}${text}`))
    expect(seenByTarget.messages).toEqual(heard.messages)
    expect([socket.extensions, [...server.clients][0]!.extensions]).toEqual([client, target])
    expect(tunnel!.bytesFromClient < 5 * text.length).toBe(client !== '')
    expect(tunnel!.bytesFromTarget < 5 * text.length).toBe(client !== '')
  })

  it.each(['client', 'target'] as const)('does not lose the last words of who ends at once: the %s', async (name) => {
    const { seenByTarget, connect } = await chat({
      webSocket: { frames: { compression: true } },
      server: { perMessageDeflate: true },
      onConnection: (socket, request) => {
        if (name === 'target') socket.send(text, () => request.socket.end())
      },
    })
    const { socket, heard } = await connect({ perMessageDeflate: true })
    // What `ws` keeps to itself is the one way to end the connection behind a message.
    const raw = (socket as unknown as { _socket: Socket })._socket
    if (name === 'client') socket.send(text, () => raw.end())
    await waitFor(() => (name === 'client' ? seenByTarget : heard).closed !== undefined)
    expect((name === 'client' ? seenByTarget : heard).messages).toEqual([text])
  })

  it('does not get a message past the limit', async () => {
    const { connect, seenByTarget } = await chat({
      webSocket: { frames: { compression: true, maxMessageBytes: 5_000 } },
      server: { perMessageDeflate: true },
    })
    const { socket, heard } = await connect({ perMessageDeflate: true })
    socket.send(text)
    await waitFor(() => heard.closed?.code === 1009)
    expect(seenByTarget.messages).toEqual([])
  })

  it('that a target chooses without being asked is refused', async () => {
    const { connect, server, proxy, guard } = await chat({ webSocket: { frames: {} } })
    server.on('headers', (headers) => headers.push('Sec-WebSocket-Extensions: permessage-deflate'))
    await expect(connect()).rejects.toThrow('502')
    await waitFor(() => server.clients.size === 0 && proxy.inFlight === 0)
    expect(guard.snapshot().tunnels).toBe(0)
  })
})
