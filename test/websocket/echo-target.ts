/** A target that answers each message with the same one. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

export interface EchoTarget {
  readonly url: string
  /** Connections that are open. */
  readonly connections: number
  close(): Promise<void>
}

export async function echoTarget(maxMessageBytes: number): Promise<EchoTarget> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    maxPayload: maxMessageBytes,
    perMessageDeflate: { threshold: 0 },
  })
  server.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return server.clients.size
    },
    async close() {
      for (const socket of server.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
