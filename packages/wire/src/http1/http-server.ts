/** A server that speaks HTTP/1.1 on TCP, on a Unix socket or over TLS, and hands over requests. */
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import { expectProxyHeader, type ProxyProtocolOptions } from '../proxy-protocol/expect-proxy-header.ts'
import type { ConnectionOptions, ConnectionOwner } from './connection-owner.ts'
import { DateLine } from './date-line.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { MessageError } from './message-error.ts'
import { ServerConnection } from './server-connection.ts'

/** Where to listen. */
export interface ListenAddress {
  readonly port?: number
  readonly host?: string
  /** A Unix socket, in place of port and host. */
  readonly path?: string
}

/** A connection that speaks another protocol, or one that is not known yet. */
export interface OtherConnection {
  /** Closes it where it is idle; otherwise it goes when it is. */
  closeIfIdle(): void
  /** Closes it now. */
  destroy(): void
}

/** What whoever takes a connection over has to tell of it. */
export interface TakenOver {
  /** It turned out to be one of HTTP/1.1 after all; `socket` is paused, with all that was read put back. */
  serve(connection: OtherConnection, socket: Socket): void
  /** `became` is in the place of `connection` from now on; without, it is gone. */
  replaced(connection: OtherConnection, became?: OtherConnection): void
}

/** What a server needs. */
export interface HttpServerOptions {
  readonly clock: Clock
  readonly connection: ConnectionOptions
  /** Connections beyond this are closed at once, and served connections are not disturbed. 0 for no limit. */
  readonly maxConnections: number
  /** Speaks TLS with these. */
  readonly tls?: TlsOptions | undefined
  /** Reads the PROXY protocol's header in front of everything else. */
  readonly proxyProtocol?: ProxyProtocolOptions | undefined
  /** Takes a connection over before anything is read from it; `undefined` leaves it to HTTP/1.1. `socket` is paused. */
  readonly takeOver?: ((socket: Socket, server: TakenOver) => OtherConnection | undefined) | undefined
  /** A request has come; its reply is given with `respond`, once. */
  readonly onRequest: (request: IncomingRequest) => void
  /** `onRequest`, or what it has set up, has thrown. The connection was reset; the request has had its last call. */
  readonly onError?: (error: unknown, request: IncomingRequest | undefined) => void
  /** The reply to what never became a request: a whole message that closes the connection. */
  readonly refusal: (fault: MessageError | 'timeout') => string
}

export class HttpServer implements ConnectionOwner, TakenOver {
  readonly clock: Clock
  readonly options: ConnectionOptions
  readonly #settings: HttpServerOptions
  /** The server of sockets: of `node:net`, or of `node:tls`. */
  readonly server: Server
  readonly #connections = new Set<ServerConnection | OtherConnection>()
  /** Those that something is read from before HTTP: TLS, or the PROXY protocol's header. */
  readonly #raw = new Set<Socket>()
  readonly #dateLine: DateLine
  #isClosing = false

  constructor(settings: HttpServerOptions) {
    this.clock = settings.clock
    this.options = settings.connection
    this.#settings = settings
    this.#dateLine = new DateLine(settings.clock)
    // With TLS only once its handshake is done: before, a client that ends its side has left, and nobody would hear of it.
    const shared = { allowHalfOpen: settings.tls === undefined, noDelay: true, pauseOnConnect: true }
    const accept = (socket: Socket) => this.#accept(socket)
    this.server =
      settings.tls === undefined
        ? createTcpServer(shared, accept)
        : createTlsServer(
            { ...shared, handshakeTimeout: this.options.headTimeoutMs || 120_000, ...settings.tls },
            accept,
          ).on('tlsClientError', (_error, socket) => socket.destroy())
    this.server.on('error', ignore)
    if (settings.proxyProtocol !== undefined) expectProxyHeader(this.server, settings.proxyProtocol, this.clock)
    // Here and not in `#accept`: a TLS connection counts before its handshake, or those that never make one would not.
    if (settings.maxConnections > 0) this.server.maxConnections = settings.maxConnections
    if (settings.tls !== undefined || settings.proxyProtocol !== undefined) {
      this.server.on('connection', (socket) => {
        this.#raw.add(socket)
        socket.once('close', () => this.#raw.delete(socket))
      })
    }
  }

  get dateLine(): string {
    return this.#dateLine.current
  }

  get isClosing(): boolean {
    return this.#isClosing
  }

  /** Open client connections. */
  get connections(): number {
    return this.#connections.size
  }

  get address(): AddressInfo | string | null {
    return this.server.address()
  }

  async listen(address: ListenAddress): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ ...address }, () => {
        this.server.off('error', reject)
        resolve()
      })
    })
  }

  /** Accepts nothing new; every connection goes once it is idle. Resolves when all are gone. */
  async close(): Promise<void> {
    this.#isClosing = true
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve())
      for (const connection of this.#connections) connection.closeIfIdle()
    })
  }

  /** Closes every connection now. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy()
    for (const socket of this.#raw) socket.destroy()
  }

  request(request: IncomingRequest): void {
    this.#settings.onRequest(request)
  }

  failed(error: unknown, request: IncomingRequest | undefined): void {
    const { onError } = this.#settings
    if (onError !== undefined) return onError(error, request)
    // Nobody else hears of it: as if it had been thrown where nothing could catch it.
    process.nextTick(() => {
      throw error
    })
  }

  refusal(fault: MessageError | 'timeout'): string {
    return this.#settings.refusal(fault)
  }

  closed(connection: ServerConnection): void {
    this.#connections.delete(connection)
  }

  serve(connection: OtherConnection, socket: Socket): void {
    this.#connections.delete(connection)
    if (this.#isClosing) socket.destroy()
    else this.#serve(socket)
  }

  replaced(connection: OtherConnection, became?: OtherConnection): void {
    this.#connections.delete(connection)
    if (became === undefined) return
    this.#connections.add(became)
    if (this.#isClosing) became.closeIfIdle()
  }

  #accept(socket: Socket): void {
    if (this.#isClosing) {
      socket.on('error', ignore)
      return void socket.destroy()
    }
    const other = this.#settings.takeOver?.(socket, this)
    if (other === undefined) this.#serve(socket)
    else this.#connections.add(other)
  }

  #serve(socket: Socket): void {
    socket.allowHalfOpen = true
    this.#connections.add(new ServerConnection(socket, this))
  }
}

function ignore(): void {}
