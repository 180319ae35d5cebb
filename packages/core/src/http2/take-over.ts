/** What of a listener's connections is HTTP/2: chosen by ALPN, or begun with its preface. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import {
  type Clock,
  type Http2Abuse,
  type Http2Owner,
  Http2ServerConnection,
  type Http2Stream,
  type OtherConnection,
  type TakenOver,
} from '@sluice/wire'
import type { Peer } from '../client.ts'
import { clientRefused } from '../events.ts'
import type { ListenerServices } from '../listener.ts'
import { hasVanished, readPeer } from '../node/node-socket.ts'
import { DateValue } from './date-value.ts'
import type { Http2Plan } from './http2-options.ts'
import { readPreface } from './preface.ts'
import { exchangeOf, serveStream } from './stream-exchange.ts'

/** For {@link HttpServerOptions.takeOver}; `undefined` where a listener speaks HTTP/1.1 alone. */
export function http2TakeOver(
  plan: Http2Plan | undefined,
  services: ListenerServices,
): ((socket: Socket, server: TakenOver) => OtherConnection | undefined) | undefined {
  if (plan === undefined) return undefined
  let owner: ConnectionOwner | undefined
  return (socket, server) => {
    owner ??= new ConnectionOwner(plan, services, server)
    if (!(socket instanceof TLSSocket)) return new UndecidedConnection(socket, owner, server)
    if (socket.alpnProtocol !== 'h2' || socket.destroyed) return undefined
    return new Http2ServerConnection(socket, owner)
  }
}

/** The same for all connections of a listener. */
class ConnectionOwner implements Http2Owner {
  readonly clock: Clock
  readonly options: Http2Plan
  readonly #services: ListenerServices
  readonly #server: TakenOver
  readonly #dates: DateValue

  constructor(plan: Http2Plan, services: ListenerServices, server: TakenOver) {
    this.clock = services.entrance.settings.clock
    this.options = plan
    this.#services = services
    this.#server = server
    this.#dates = new DateValue(this.clock)
  }

  get date(): string {
    return this.#dates.current
  }

  request(stream: Http2Stream): void {
    const { connection } = stream
    const peer = peerOf(connection)
    if (hasVanished(connection.socket, peer)) connection.socket.destroy()
    else serveStream(stream, peer, this.#services)
  }

  failed(error: unknown, stream: Http2Stream | undefined): void {
    const exchange = exchangeOf(stream)
    if (exchange !== undefined) exchange.settings.onInternalError(error, exchange)
  }

  refused(connection: Http2ServerConnection, reason: Http2Abuse): void {
    if (clientRefused.hasSubscribers) clientRefused.publish({ peer: peerOf(connection), reason })
  }

  closed(connection: Http2ServerConnection): void {
    this.#server.replaced(connection)
  }
}

/** The same object for all requests of a connection. */
function peerOf(connection: Http2ServerConnection): Peer {
  return (connection.attachment ??= readPeer(connection.socket)) as Peer
}

/** A connection without TLS, before its first bytes. */
class UndecidedConnection implements OtherConnection {
  readonly #socket: Socket
  readonly #server: TakenOver

  constructor(socket: Socket, owner: ConnectionOwner, server: TakenOver) {
    this.#socket = socket
    this.#server = server
    socket.once('close', this.#gone)
    readPreface(socket, owner.clock, owner.options, (isHttp2) => {
      socket.off('close', this.#gone)
      if (!isHttp2) return server.serve(this, socket)
      server.replaced(this, new Http2ServerConnection(socket, owner))
    })
  }

  closeIfIdle(): void {
    this.#socket.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  readonly #gone = (): void => this.#server.replaced(this)
}
