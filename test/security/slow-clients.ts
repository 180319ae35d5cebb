/** Clients that hold on to a connection for as long as they can: a byte at a time, or by not reading what they asked for. */
import { connect, type Socket } from 'node:net'

/** How a client is slow: it drips its head, drips its body, or does not read a large reply. */
export type Slowness = 'head' | 'body' | 'reading'

export const SLOWNESSES: readonly Slowness[] = ['head', 'body', 'reading']

/** A herd of slow clients. */
export interface SlowClients {
  /** Those that are still connected. */
  readonly open: number
  /** Status lines that they got before they were cut off. */
  readonly statuses: ReadonlyMap<string, number>
  /** Drops all of them. */
  close(): void
}

export interface SlowOptions {
  readonly port: number
  readonly count: number
  /** Between two bytes of one client. */
  readonly everyMs: number
}

const HEAD = `GET /slow HTTP/1.1\r\nHost: a.test\r\nX-Slow: ${'x'.repeat(10_000)}`
const BODY_HEAD = 'POST /slow HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n'
const LARGE = 'GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n'

/** Connects `count` of them, a third of each kind. */
export async function slowClients({ port, count, everyMs }: SlowOptions): Promise<SlowClients> {
  const sockets = new Set<Socket>()
  const statuses = new Map<string, number>()
  const timers = new Set<NodeJS.Timeout>()
  const opened = Array.from({ length: count }, async (_, index) => {
    const socket = await connected(port)
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    const kind = SLOWNESSES[index % SLOWNESSES.length]!
    if (kind === 'reading') {
      // Never read from: its reply piles up, first in the kernel and then in the proxy.
      socket.pause()
      socket.write(LARGE)
      return
    }
    socket.on('data', (bytes) => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(bytes.toString('latin1'))?.[1]
      if (status !== undefined) statuses.set(status, (statuses.get(status) ?? 0) + 1)
    })
    timers.add(
      drip(
        socket,
        kind === 'head' ? HEAD : BODY_HEAD + 'b'.repeat(10_000),
        kind === 'head' ? 1 : BODY_HEAD.length,
        everyMs,
      ),
    )
  })
  await Promise.all(opened)
  return {
    get open() {
      return sockets.size
    },
    statuses,
    close() {
      for (const timer of timers) clearInterval(timer)
      for (const socket of sockets) socket.destroy()
    },
  }
}

function drip(socket: Socket, text: string, atOnce: number, everyMs: number): NodeJS.Timeout {
  socket.write(text.slice(0, atOnce))
  let at = atOnce
  const timer = setInterval(() => {
    if (socket.destroyed || at >= text.length) return clearInterval(timer)
    socket.write(text[at++]!)
  }, everyMs)
  return timer
}

async function connected(port: number): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
