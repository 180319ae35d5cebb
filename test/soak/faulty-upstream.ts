/**
 * An upstream that does what the path says: `/ok`, `/chunked`, `/large`, `/echo`, `/slow`, and the faults `/reset`,
 * `/truncated`, `/broken-chunks`, `/garbage`. A plain parser of heads on bare sockets, so that it can break off anywhere.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface FaultyUpstream {
  readonly url: string
  readonly connections: number
  readonly requests: number
  close(): Promise<void>
}

const LARGE = 'large'.repeat(40_000)
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const SLOW_MS = 20

export async function faultyUpstream(): Promise<FaultyUpstream> {
  const sockets = new Set<Socket>()
  let requests = 0
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    let unread = ''
    let isBusy = false
    const next = (): void => {
      const request = isBusy ? undefined : readRequest(unread)
      if (request === undefined || socket.destroyed) return
      unread = unread.slice(request.size)
      requests++
      isBusy = true
      answer(socket, request, () => {
        isBusy = false
        next()
      })
    }
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1')
      next()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return sockets.size
    },
    get requests() {
      return requests
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

interface Request {
  readonly kind: string
  readonly query: string
  readonly body: string
  readonly size: number
}

/** A whole request at the beginning of `text`. Its bodies have a length; nothing else is sent here. */
function readRequest(text: string): Request | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = text.slice(0, headEnd)
  const [, kind = '', query = ''] = /^\S+ \/([a-z-]+)\??(\S*) /.exec(head) ?? []
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const size = headEnd + 4 + length
  return text.length < size ? undefined : { kind, query, body: text.slice(headEnd + 4, size), size }
}

function answer(socket: Socket, { kind, query, body }: Request, done: () => void): void {
  const whole = (content: string): void => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`, 'latin1')
    done()
  }
  switch (kind) {
    case 'echo':
      return whole(body)
    case 'large':
      return whole(LARGE)
    case 'chunked':
      socket.write(`${CHUNKED}${query.length.toString(16)}\r\n${query}\r\n`, 'latin1')
      socket.write('0\r\n\r\n', 'latin1')
      return done()
    case 'slow':
      return void setTimeout(() => whole(query), SLOW_MS)
    case 'reset':
      return void socket.resetAndDestroy()
    case 'truncated':
      return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot all of it', 'latin1')
    case 'broken-chunks':
      return void socket.end(`${CHUNKED}5\r\nhello\r\n`, 'latin1')
    case 'garbage':
      return void socket.end('HTTP/1.1 2x0 OK\r\n\r\n', 'latin1')
    default:
      return whole(query)
  }
}
