/** A pool on a clock that stands still, and requests on it that remember what became of them. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { virtualClock, type VirtualClock } from '@sluice/testing'
import { onTestFinished } from 'vitest'
import {
  type AcquireFailure,
  Body,
  type ClientConnection,
  ConnectionPool,
  DEFAULT_LIMITS,
  HeaderList,
  OutgoingRequest,
  type PoolOptions,
  type ReplyObserver,
  type RequestFailure,
  type Waiter,
} from '../../src/index.ts'

/** A pool with small figures, so that each of them can be felt. */
export function pool(port: number, options: Partial<PoolOptions> = {}): { pool: ConnectionPool; clock: VirtualClock } {
  const clock = virtualClock()
  const all: PoolOptions = {
    host: '127.0.0.1',
    port,
    limits: DEFAULT_LIMITS,
    maxConnections: 10,
    maxPending: 10,
    pendingTimeoutMs: 1_000,
    connectTimeoutMs: 1_000,
    idleTimeoutMs: 4_000,
    maxLifetimeMs: 0,
    maxRequests: 0,
    minIdle: 0,
    reuse: 'safe',
    ...options,
  }
  const made = new ConnectionPool(all, clock, () => 0.5)
  onTestFinished(() => made.destroy())
  return { pool: made, clock }
}

/** How a request is made. */
export interface CallOptions {
  readonly method?: string
  readonly path?: string
  readonly body?: Body
  readonly upgrade?: string
  readonly isRepeatable?: boolean
  readonly needsFresh?: boolean
  /** Reads the reply's body; otherwise it is left alone. @default true */
  readonly reads?: boolean
}

/** One request: waits for a connection, is sent, and keeps what it hears. */
export class Call implements Waiter, ReplyObserver {
  readonly isRepeatable: boolean
  readonly needsFresh: boolean
  connection: ClientConnection | undefined
  isReused: boolean | undefined
  refusal: AcquireFailure['kind'] | undefined
  status: number | undefined
  body: Body | undefined
  text: string | undefined
  readonly interim: number[] = []
  failure: RequestFailure | undefined
  cause: Error | undefined
  error: Error | undefined
  dones = 0
  tunnelHead: Buffer | undefined
  outgoing: OutgoingRequest | undefined
  readonly #options: CallOptions

  constructor(from: ConnectionPool, options: CallOptions = {}) {
    this.#options = options
    this.isRepeatable = options.isRepeatable ?? true
    this.needsFresh = options.needsFresh ?? false
    from.acquire(this)
  }

  acquired(connection: ClientConnection, isReused: boolean): void {
    const { method = 'GET', path = '/', body = Body.empty, upgrade } = this.#options
    this.connection = connection
    this.isReused = isReused
    const headers = new HeaderList({ Host: 'a' })
    if (body.length !== undefined && body.length > 0) headers.set('Content-Length', String(body.length))
    this.outgoing = new OutgoingRequest(
      { method, path, headers, body, upgrade, headTimeoutMs: 2_000, bodyIdleTimeoutMs: 3_000 },
      this,
    )
    connection.send(this.outgoing)
  }

  refused(failure: AcquireFailure): void {
    this.refusal = failure.kind
  }

  informational(status: number): void {
    this.interim.push(status)
  }

  reply(status: number, _headers: HeaderList, body: Body): void {
    this.status = status
    this.body = body
    if (this.#options.reads === false) return
    body.text({ maxBytes: 100_000_000 }).then(
      (text) => (this.text = text),
      (error: unknown) => (this.error = error as Error),
    )
  }

  upgraded(status: number, _headers: HeaderList, connection: ClientConnection, head: Buffer): void {
    this.status = status
    this.tunnelHead = Buffer.from(head)
    connection.release((bytes, length) => (this.text = (this.text ?? '') + bytes.toString('latin1', 0, length)))
  }

  translate(failure: RequestFailure, cause: Error | undefined): Error {
    this.failure = failure
    this.cause = cause
    return new Error(failure)
  }

  given(cause: Error): Error {
    return cause
  }

  done(error: Error | undefined): void {
    this.dones++
    this.error ??= error
  }

  /** Whether it has ended, body included. */
  get isOver(): boolean {
    return (
      this.refusal !== undefined ||
      (this.dones > 0 && (this.error !== undefined || this.text !== undefined || this.body?.isEmpty === true))
    )
  }
}

/** A target that a test answers for by hand. */
export interface ManualTarget {
  readonly port: number
  readonly sockets: Socket[]
  /** What has come on each connection. */
  readonly received: string[]
  reply(index: number, text: string): void
}

/** A whole reply. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Starts a target; `onHead` is called for each head. */
export async function target(
  onHead: (socket: Socket, index: number, request: string) => void = () => {},
): Promise<ManualTarget> {
  const sockets: Socket[] = []
  const received: string[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = sockets.push(socket) - 1
    received.push('')
    let seen = 0
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received[index] += chunk.toString('latin1')
      for (
        let end = received[index]!.indexOf('\r\n\r\n', seen);
        end >= 0;
        end = received[index]!.indexOf('\r\n\r\n', seen)
      ) {
        const head = received[index]!.slice(seen, end + 4)
        seen = end + 4
        onHead(socket, index, head)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    received,
    reply: (index, text) => void sockets[index]!.write(text, 'latin1'),
  }
}
