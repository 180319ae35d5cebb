/** Clients that ask for a tunnel, with a connection each (HTTP/1.1), or with a stream of a connection (HTTP/2, RFC 8441). */
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** One that has asked. */
export interface TunnelClient {
  readonly stream: Duplex
  /** Waits for the answer. */
  answered(): Promise<void>
  /** Leaves without a word. */
  reset(): void
  /** Its connection is reset, with all that is on it. */
  lose(): void
  /** What it alone has had is closed. */
  done(): void
}

export interface TunnelClients {
  /** `isAlone`: on a connection that nobody else has. */
  open(id: string, isAlone: boolean): Promise<TunnelClient>
  close(): Promise<void>
}

// The key is that of RFC 6455, section 1.3.
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

export function http1Clients(port: number): TunnelClients {
  return {
    async open(id) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.on('error', () => {})
      socket.write(`${UPGRADE}X-Case: ${id}\r\n\r\n`)
      return {
        stream: socket,
        async answered() {
          await once(socket, 'readable')
          socket.read()
        },
        reset: () => void socket.resetAndDestroy(),
        lose: () => void socket.resetAndDestroy(),
        done() {},
      }
    },
    async close() {},
  }
}

/** All but those that want to be alone share a connection. */
export async function http2Clients(port: number): Promise<TunnelClients> {
  const shared = await Connection.open(port)
  return {
    async open(id, isAlone) {
      const connection = isAlone ? await Connection.open(port) : shared
      const { session, socket } = connection
      const headers = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':authority': 'a' }
      const stream = session.request(
        { ...headers, ':scheme': 'http', 'sec-websocket-version': '13', 'x-case': id },
        { endStream: false },
      )
      stream.on('error', () => {})
      const answered = new Promise<void>((resolve) => {
        stream.once('response', () => resolve())
        stream.once('close', resolve)
      })
      return {
        stream,
        answered: async () => await answered,
        reset: () => stream.close(constants.NGHTTP2_CANCEL),
        lose: () => void socket.resetAndDestroy(),
        done: () => isAlone && session.destroy(),
      }
    },
    close: async () => await shared.close(),
  }
}

class Connection {
  readonly socket: Socket
  readonly session: ClientHttp2Session

  private constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.on('error', () => {})
    this.session = connectHttp2('http://a', {
      createConnection: () => this.socket,
      // What is written to a stream that nobody reads counts as well.
      maxSessionMemory: 1_000,
    })
    this.session.on('error', () => {})
  }

  static async open(port: number): Promise<Connection> {
    const connection = new Connection(port)
    await once(connection.session, 'remoteSettings')
    return connection
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close')
    this.session.destroy()
    await closed
  }
}
