/** The target behind a page: the page itself, an event stream, a reply in pieces, an upload's receiver, and a WebSocket that echoes. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

const PAGE = readFileSync(new URL('page.html', import.meta.url))

export interface PageTarget {
  readonly url: string
  /** Event streams that are open. */
  readonly eventStreams: number
  /** Whether somebody has asked for `/pieces`. */
  readonly isReadingPieces: boolean
  /** Sends the next piece of the reply to that. */
  sendPiece(text: string, isLast: boolean): void
  close(): Promise<void>
}

export async function pageTarget(): Promise<PageTarget> {
  const eventStreams = new Set<ServerResponse>()
  let pieces: ServerResponse | undefined
  const server = createServer((request, response) => void answer(request, response))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/') return void response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE)
    if (request.url === '/pieces') {
      pieces = response.writeHead(200, { 'Content-Type': 'text/plain' })
      return response.flushHeaders()
    }
    if (request.url === '/events') {
      eventStreams.add(response)
      response.once('close', () => eventStreams.delete(response))
      const seen = Number(request.headers['last-event-id'] ?? 0)
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      // The third of them comes after a break: the browser connects again, and says what it has seen.
      if (seen > 0) return void response.write(`event: late\nid: ${seen + 1}\ndata: after ${seen}\n\n`)
      return void response.end('retry: 10\nid: 1\ndata: first\n\nid: 2\ndata: second\n\n')
    }
    let length = 0
    for await (const chunk of request as AsyncIterable<Buffer>) length += chunk.length
    response.end(`${request.method} ${length}`)
  }

  const sockets = new WebSocketServer({ server, path: '/socket', handleProtocols: () => 'echo' })
  sockets.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get eventStreams() {
      return eventStreams.size
    },
    get isReadingPieces() {
      return pieces !== undefined
    },
    sendPiece(text, isLast) {
      if (isLast) pieces?.end(text)
      else pieces?.write(text)
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
