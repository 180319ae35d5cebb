/** A target that answers each message with the same one, over HTTP/1.1 or over HTTP/2. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { Http1Socket } from './http1-socket.ts'

export interface EchoTarget {
  readonly url: string
  /** WebSockets that are open. */
  readonly connections: number
  close(): Promise<void>
}

export async function echoTarget(maxMessageBytes: number, isHttp2 = false): Promise<EchoTarget> {
  const server = createServer()
  const sockets = new WebSocketServer({ server, maxPayload: maxMessageBytes, perMessageDeflate: { threshold: 0 } })
  sockets.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  const sessions = new Set<ServerHttp2Session>()
  const http2 = createHttp2Server({ settings: { enableConnectProtocol: true } })
  http2.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  http2.on('stream', (stream, headers) => server.emit('connection', new Http1Socket(stream, headers)))
  const listening = isHttp2 ? http2 : server
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  return {
    url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    get connections() {
      return sockets.clients.size
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => listening.close(resolve))
    },
  }
}
