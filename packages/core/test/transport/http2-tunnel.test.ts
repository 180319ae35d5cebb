/** WebSockets of HTTP/1.1 clients to targets that take them over HTTP/2 (RFC 8441). */
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { certificateAuthority, waitFor } from '@sluice/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createProxy,
  createUpstream,
  http2Transport,
  type Http2TransportOptions,
  type Upstream,
} from '../../src/index.ts'
import { http2Target, type Http2Target, type OnStream } from './http2-target.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
/** Of that key (RFC 6455, section 1.3). */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

interface Scene {
  readonly port: number
  readonly target: Http2Target
  readonly upstream: Upstream
}

async function scene(
  onStream: OnStream,
  serverOptions: object = { settings: { enableConnectProtocol: true } },
  options: Http2TransportOptions = { priorKnowledge: true },
): Promise<Scene> {
  const target = await http2Target(onStream, serverOptions)
  const upstream = createUpstream('h2', { targets: [target.url], transport: http2Transport(options) })
  const proxy = createProxy().forward(upstream)
  const { address } = await proxy.listen({ host: '127.0.0.1' })
  closing.push(
    () => target.close(),
    () => upstream.destroy(),
    () => proxy.close({ drainMs: 0 }),
  )
  return { port: Number(new URL(address.url).port), target, upstream }
}

interface Switched {
  readonly reply: IncomingMessage
  readonly socket: Socket
}

/** Asks to switch; gives the reply where it is another. */
async function shake(port: number, headers: Record<string, string> = {}): Promise<Switched> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      path: '/chat?room=1',
      headers: {
        Host: 'chat.example',
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Key': KEY,
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Protocol': 'chat, superchat',
        ...headers,
      },
    })
    request.on('upgrade', (reply, socket, head) => {
      socket.on('error', () => {})
      if (head.byteLength > 0) socket.unshift(head)
      resolve({ reply, socket })
    })
    request.on('response', (reply) => resolve({ reply, socket: reply.socket }))
    request.on('error', reject)
    request.end()
  })
}

async function textOf(reply: IncomingMessage): Promise<string> {
  return Buffer.concat((await reply.toArray()) as Buffer[]).toString()
}

describe('a WebSocket', () => {
  it('is asked for by an extended CONNECT, and accepted for the key that the client gave', async () => {
    let seen: string[] = []
    const { port } = await scene((stream, _headers, raw) => {
      seen = raw
      stream.respond({ ':status': 200, 'sec-websocket-protocol': 'superchat' })
      stream.pipe(stream)
    })
    const { reply, socket } = await shake(port)
    expect(reply.statusCode).toBe(101)
    expect(reply.headers).toMatchObject({
      upgrade: 'websocket',
      'sec-websocket-accept': ACCEPT,
      'sec-websocket-protocol': 'superchat',
    })
    const fields = Object.fromEntries(
      Array.from({ length: seen.length / 2 }, (_, i) => [seen[2 * i]!, seen[2 * i + 1]!]),
    )
    expect(fields).toMatchObject({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':authority': 'chat.example',
      ':path': '/chat?room=1',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'chat, superchat',
    })
    for (const name of ['sec-websocket-key', 'connection', 'upgrade', 'host']) expect(fields).not.toHaveProperty(name)
    socket.write('over there')
    const echoed = await new Promise((resolve) => socket.once('data', resolve))
    expect(String(echoed)).toBe('over there')
    socket.destroy()
  })

  it('carries bytes both ways, and waits for whoever reads slowly', async () => {
    const { port } = await scene((stream) => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    })
    const { socket } = await shake(port)
    const sent = Buffer.alloc(3_000_000, 'abcdefg')
    socket.write(sent)
    let received = 0
    socket.on('data', (chunk: Buffer) => (received += chunk.byteLength))
    await waitFor(() => received === sent.byteLength)
    socket.destroy()
  })

  it('ends at both sides, whoever leaves, in order or not', async () => {
    const streams: ServerHttp2Stream[] = []
    const { port, upstream, target } = await scene((stream) => {
      streams.push(stream)
      stream.resume().on('end', () => stream.end())
      stream.respond({ ':status': 200 })
      stream.write('hello')
    })
    const open = async (): Promise<Socket> => {
      const { socket } = await shake(port)
      await new Promise((resolve) => socket.once('data', resolve))
      return socket
    }
    const leaving: Record<string, (socket: Socket, stream: ServerHttp2Stream) => void> = {
      'client, in order': (socket) => void socket.end(),
      'client, by a reset': (socket) => void socket.resetAndDestroy(),
      'target, in order': (_socket, stream) => void stream.end(),
      'target, by a reset': (_socket, stream) => void stream.destroy(),
    }
    for (const leave of Object.values(leaving)) {
      const socket = await open()
      leave(socket, streams.at(-1)!)
      await waitFor(() => socket.destroyed && streams.at(-1)!.destroyed && upstream.active === 0)
    }
    const last = await open()
    target.cut()
    await waitFor(() => last.destroyed && upstream.active === 0)
  })

  it('that the target refuses gets its reply', async () => {
    const { port, upstream } = await scene((stream) => {
      stream.respond({ ':status': 403 })
      stream.end('members only')
    })
    const { reply } = await shake(port)
    expect([reply.statusCode, await textOf(reply)]).toEqual([403, 'members only'])
    await waitFor(() => upstream.transport.stats(upstream.targets[0]!).active === 0)
  })

  it('is refused where the target does not take any', async () => {
    const { port } = await scene(() => {}, {})
    const { reply } = await shake(port)
    expect([reply.statusCode, (JSON.parse(await textOf(reply)) as { code: string }).code]).toEqual([
      502,
      'ERR_SLUICE_UPGRADE_FAILED',
    ])
  })
})

it('a target that chooses by ALPN gets it over HTTP/1.1, until it has said that it takes it over HTTP/2', async () => {
  const authority = certificateAuthority()
  const seen: string[] = []
  const { port, target } = await scene(
    (stream, headers) => {
      seen.push(String(headers[':method']))
      stream.respond({ ':status': 200 })
      stream.end()
    },
    { ...authority.issue({ names: ['127.0.0.1'] }), allowHTTP1: true, settings: { enableConnectProtocol: true } },
    { tls: { ca: authority.cert } },
  )
  target.server.on('upgrade', (_request: unknown, socket: Socket) =>
    socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n'),
  )
  const { reply } = await shake(port)
  expect(reply.statusCode).toBe(426)
  reply.resume()
  expect(seen).toEqual([])
  await (await fetch(`http://127.0.0.1:${port}/`)).text()
  const second = await shake(port)
  expect(second.reply.statusCode).toBe(101)
  second.socket.destroy()
  expect(seen).toEqual(['GET', 'CONNECT'])
})

it('a client of HTTP/2 gets a WebSocket of a target of HTTP/2', async () => {
  const target = await http2Target(
    (stream, headers) => {
      stream.respond({ ':status': 200, 'x-had-key': String(headers['sec-websocket-key'] !== undefined) })
      stream.pipe(stream)
    },
    { settings: { enableConnectProtocol: true } },
  )
  const upstream = createUpstream('h2', { targets: [target.url], transport: http2Transport({ priorKnowledge: true }) })
  const proxy = createProxy().forward(upstream)
  const { address } = await proxy.listen({ host: '127.0.0.1', http2: { cleartext: true } })
  const session = connect(address.url)
  closing.push(
    () => target.close(),
    () => upstream.destroy(),
    () => proxy.close({ drainMs: 0 }),
    () => new Promise<void>((resolve) => session.close(resolve)),
  )
  await new Promise((resolve) => session.once('remoteSettings', resolve))
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/chat',
    'sec-websocket-version': '13',
  })
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
  expect(head).toMatchObject({ ':status': 200, 'x-had-key': 'false' })
  expect(head).not.toHaveProperty('sec-websocket-accept')
  stream.write('over there')
  expect(String((await once(stream, 'data'))[0])).toBe('over there')
  stream.end()
  await waitFor(() => upstream.active === 0 && proxy.inFlight === 0)
})
