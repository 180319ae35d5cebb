/** A target that speaks WebSocket, a proxy in front of it, and clients: all real, on loopback. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createProxy,
  createUpstream,
  type ForwardOptions,
  type ListenOptions,
  type Proxy,
  type ProxyOptions,
} from '@sluice/core'
import { afterEach } from 'vitest'
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import { webSocket, type WebSocketOptions } from '../src/index.ts'

const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
})

export interface ChatOptions {
  readonly webSocket?: WebSocketOptions
  readonly server?: ServerOptions
  readonly forward?: ForwardOptions
  readonly listen?: ListenOptions
  readonly proxy?: ProxyOptions
  /** What the target does with a connection. @default answers each message with the same */
  readonly onConnection?: (socket: WebSocket, request: IncomingMessage) => void
}

/** What a client has got so far. */
export interface Heard {
  readonly messages: string[]
  closed: { code: number; reason: string } | undefined
}

export async function chat(options: ChatOptions = {}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options.server })
  const seenByTarget: Heard = { messages: [], closed: undefined }
  server.on('connection', (socket, request) => {
    listenTo(socket, seenByTarget)
    if (options.onConnection !== undefined) options.onConnection(socket, request)
    else socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  await once(server, 'listening')
  toClose.push(async () => {
    for (const socket of server.clients) socket.terminate()
    await new Promise((resolve) => server.close(resolve))
  })
  const guard = webSocket(options.webSocket)
  const upstream = createUpstream('chat', { targets: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] })
  const proxy: Proxy = createProxy(options.proxy).use(guard).forward(upstream, options.forward)
  const listener = await proxy.listen({ host: '127.0.0.1', ...options.listen })
  toClose.push(async () => await proxy.close({ drainMs: 0 }))
  const url = `ws://127.0.0.1:${listener.address.port}/`
  return {
    server,
    seenByTarget,
    guard,
    upstream,
    proxy,
    listener,
    url,
    connect: (more?: ClientOptions) => open(url, more),
  }
}

/** A client that is connected, and what it has heard since. */
export async function open(url: string, options: ClientOptions = {}): Promise<{ socket: WebSocket; heard: Heard }> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options })
  const heard: Heard = { messages: [], closed: undefined }
  listenTo(socket, heard)
  toClose.push(() => socket.terminate())
  await once(socket, 'open')
  return { socket, heard }
}

function listenTo(socket: WebSocket, heard: Heard): void {
  socket.on('message', (data: Buffer) => heard.messages.push(data.toString()))
  socket.on('close', (code, reason) => (heard.closed = { code, reason: reason.toString() }))
  socket.on('error', () => {})
}
