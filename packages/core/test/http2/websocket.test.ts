import { once } from 'node:events'
import { createServer } from 'node:http'
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { hostileUpstream, seededRandom, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createProxy, createUpstream, defineMiddleware, type ListenOptions } from '../../src/index.ts'
import { acceptValue } from '../../src/tunnel/websocket-handshake.ts'
import { ask, connectTo, replyOn, WAYS } from './http2-client.ts'

interface Upgraded {
  readonly headers: NodeJS.Dict<string | string[]>
  readonly method: string
  readonly socket: Socket
}

/** An upstream that switches, and echoes what comes; or answers with a status of its own. */
async function echoing(options: { readonly accept?: string; readonly status?: number } = {}) {
  const upgraded: Upgraded[] = []
  const server = createServer((_request, response) => response.end('plain')).on(
    'upgrade',
    (request, socket: Socket) => {
      upgraded.push({ headers: request.headers, method: request.method!, socket })
      socket.on('error', () => {})
      const { status = 101, accept = acceptValue(String(request.headers['sec-websocket-key'])) } = options
      if (status !== 101) {
        socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`)
        return
      }
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n` +
          'Sec-WebSocket-Protocol: chat\r\nX-From: upstream\r\n\r\nhi',
      )
      socket.pipe(socket)
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
    for (const { socket } of upgraded) socket.destroy()
  })
  return { upgraded, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function open(url: string, options: ListenOptions, seen: string[] = []) {
  const look = defineMiddleware('look', (x, next) => {
    seen.push(`${x.request.method} ${x.request.upgrade} ${x.received.method} ${x.received.httpVersion}`)
    return next(x)
  })
  const proxy = createProxy({ random: seededRandom(1) })
    .use(look)
    .forward(createUpstream('u', { targets: [url] }))
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  return { proxy, listener: await proxy.listen(options) }
}

const HANDSHAKE = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'https',
  ':path': '/chat?room=1',
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'chat, other',
  origin: 'https://a.test',
}

function knock(session: ClientHttp2Session, more: Record<string, string> = {}): ClientHttp2Stream {
  const stream = session.request({ ...HANDSHAKE, ...more }, { endStream: false })
  stream.on('error', () => {})
  return stream
}

/** Gathers what comes. */
function textOf(stream: ClientHttp2Stream): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  return () => text
}

describe.each(WAYS)('a WebSocket through $name', ({ options }) => {
  it('is translated to the upgrade of HTTP/1.1', async () => {
    const { upgraded, url } = await echoing()
    const seen: string[] = []
    const { listener, proxy } = await open(url, options(), seen)
    const session = await connectTo(listener)
    expect(session.remoteSettings.enableConnectProtocol).toBe(true)
    const stream = knock(session)
    const text = textOf(stream)
    const [fields] = (await once(stream, 'response')) as [Record<string, unknown>]
    expect(fields).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat', 'x-from': 'upstream' })
    for (const name of ['upgrade', 'connection', 'sec-websocket-accept', 'content-length', 'transfer-encoding'])
      expect(fields[name]).toBeUndefined()
    expect(seen).toEqual(['GET websocket CONNECT 2.0'])
    expect(upgraded[0]).toMatchObject({
      method: 'GET',
      headers: {
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'chat, other',
        origin: 'https://a.test',
        'sec-websocket-key': expect.stringMatching(/^[A-Za-z0-9+/]{21}[AQgw]==$/),
      },
    })
    stream.write('one')
    await waitFor(() => text() === 'hione')
    expect(proxy.tunnels).toHaveLength(1)
    // Other requests of the connection go on beside it.
    expect((await ask(session)).body.toString()).toBe('plain')
    stream.end('two')
    await once(stream, 'end')
    expect(text()).toBe('hionetwo')
    await waitFor(() => proxy.inFlight === 0 && upgraded[0]!.socket.destroyed)
    expect(session.closed).toBe(false)
  })

  it('carries much, either way, at the pace of whoever reads', async () => {
    const { url } = await echoing()
    const { listener, proxy } = await open(url, options())
    const stream = knock(await connectTo(listener))
    let received = 0
    await once(stream, 'response')
    const sent = Buffer.alloc(4_000_000, 'x')
    stream.write(sent)
    // Nobody reads yet.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(proxy.tunnels[0]!.bytesFromTarget).toBeLessThan(sent.byteLength)
    stream.on('data', (chunk: Buffer) => (received += chunk.byteLength))
    await waitFor(() => received === sent.byteLength + 2, { timeoutMs: 3_000 })
    stream.end()
    await once(stream, 'close')
    await waitFor(() => proxy.inFlight === 0)
  })
})

const [{ options }] = WAYS as [(typeof WAYS)[number]]

describe('the handshake of a WebSocket over HTTP/2', () => {
  it.each([
    ['another version', { 'sec-websocket-version': '8' }, 426, 'ERR_SLUICE_WEBSOCKET_VERSION'],
    ['no version', { 'sec-websocket-version': '' }, 426, 'ERR_SLUICE_WEBSOCKET_VERSION'],
    ['a length', { 'content-length': '5' }, 400, 'ERR_SLUICE_WEBSOCKET_HANDSHAKE'],
  ])('is refused with %s', async (_what, more, status, code) => {
    const { upgraded, url } = await echoing()
    const { listener } = await open(url, options())
    const reply = await replyOn(knock(await connectTo(listener), more))
    expect([reply.status, reply.body.toString()]).toEqual([status, expect.stringContaining(code)])
    expect(upgraded).toEqual([])
  })

  it('is answered as the upstream does where that does not switch', async () => {
    const { url } = await echoing({ status: 403 })
    const { listener, proxy } = await open(url, options())
    const session = await connectTo(listener)
    const reply = await replyOn(knock(session))
    expect([reply.status, reply.body.toString()]).toEqual([403, 'no'])
    await waitFor(() => proxy.inFlight === 0)
    expect((await ask(session)).status).toBe(200)
  })

  it('fails where the upstream has not understood it', async () => {
    const { upgraded, url } = await echoing({ accept: acceptValue('another') })
    const { listener } = await open(url, options())
    const reply = await replyOn(knock(await connectTo(listener)))
    expect([reply.status, reply.body.toString()]).toEqual([502, expect.stringContaining('ERR_SLUICE_UPGRADE_FAILED')])
    await waitFor(() => upgraded[0]!.socket.destroyed)
  })

  it('does not believe a key of the client', async () => {
    const { upgraded, url } = await echoing()
    const { listener } = await open(url, options())
    const stream = knock(await connectTo(listener), { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' })
    await once(stream, 'response')
    expect(upgraded[0]!.headers['sec-websocket-key']).not.toBe('dGhlIHNhbXBsZSBub25jZQ==')
    stream.destroy()
  })
})

describe('both ends of a WebSocket over HTTP/2', () => {
  async function opened() {
    const { upgraded, url } = await echoing()
    const { listener, proxy } = await open(url, options())
    const session = await connectTo(listener)
    const stream = knock(session)
    const text = textOf(stream)
    let hasEnded = false
    stream.on('end', () => (hasEnded = true))
    await once(stream, 'response')
    await waitFor(() => proxy.tunnels.length === 1)
    return { upgraded, proxy, session, stream, text, hasEnded: () => hasEnded }
  }

  it('go when the client resets its stream', async () => {
    for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR]) {
      const { upgraded, proxy, session, stream } = await opened()
      stream.close(code)
      await waitFor(() => proxy.inFlight === 0 && upgraded[0]!.socket.destroyed)
      expect(session.closed).toBe(false)
    }
  })

  it('go when the client’s connection goes', async () => {
    const { upgraded, proxy, session } = await opened()
    session.destroy()
    await waitFor(() => proxy.inFlight === 0 && upgraded[0]!.socket.destroyed)
  })

  it('go when the upstream ends in order, and the client sees an end', async () => {
    const { upgraded, proxy, stream, hasEnded } = await opened()
    upgraded[0]!.socket.end('bye')
    await once(stream, 'close')
    expect([stream.rstCode, hasEnded()]).toEqual([0, true])
    await waitFor(() => proxy.inFlight === 0)
  })

  it('go when the upstream breaks, and the client sees no end', async () => {
    const { upgraded, proxy, stream, session } = await opened()
    upgraded[0]!.socket.resetAndDestroy()
    await once(stream, 'close')
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
    await waitFor(() => proxy.inFlight === 0)
    expect(session.closed).toBe(false)
  })

  it('go when the proxy closes', async () => {
    const { proxy, stream } = await opened()
    const closed = once(stream, 'close')
    await proxy.close({ drainMs: 10 })
    await closed
    expect(proxy.inFlight).toBe(0)
  })

  it('go when the client ends its side before the upstream has answered, as it may over HTTP/1.1', async () => {
    const silent = await hostileUpstream({ kind: 'accept-and-hang' })
    onTestFinished(async () => await silent.close())
    const { listener, proxy } = await open(silent.url, options())
    const session = await connectTo(listener)
    const stream = knock(session)
    await waitFor(() => proxy.inFlight === 1)
    stream.end()
    await once(stream, 'close')
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
    await waitFor(() => proxy.inFlight === 0)
    expect(session.closed).toBe(false)
  })

  it('go when the client leaves before the upstream has answered', async () => {
    const silent = await hostileUpstream({ kind: 'accept-and-hang' })
    onTestFinished(async () => await silent.close())
    const { listener, proxy } = await open(silent.url, options())
    const stream = knock(await connectTo(listener))
    await waitFor(() => proxy.inFlight === 1)
    stream.close(constants.NGHTTP2_CANCEL)
    await waitFor(() => proxy.inFlight === 0)
  })
})
