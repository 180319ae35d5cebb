/** What of a listener's connections is HTTP/2: chosen by ALPN, or begun with its preface. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { OtherConnection, TakenOver } from '@sluice/wire'
import type { ListenerServices } from '../listener.ts'
import { Http2Connection } from './http2-connection.ts'
import type { Http2Plan } from './http2-options.ts'
import { readPreface } from './preface.ts'

/** For {@link HttpServerOptions.takeOver}; `undefined` where a listener speaks HTTP/1.1 alone. */
export function http2TakeOver(
  plan: Http2Plan | undefined,
  services: ListenerServices,
): ((socket: Socket, server: TakenOver) => OtherConnection | undefined) | undefined {
  if (plan === undefined) return undefined
  return (socket, server) => {
    if (!(socket instanceof TLSSocket)) return new UndecidedConnection(socket, plan, services, server)
    if (socket.alpnProtocol !== 'h2' || socket.destroyed) return undefined
    return new Http2Connection(socket, plan, services, (gone) => server.replaced(gone))
  }
}

/** A connection without TLS, before its first bytes. */
class UndecidedConnection implements OtherConnection {
  readonly #socket: Socket
  readonly #server: TakenOver

  constructor(socket: Socket, plan: Http2Plan, services: ListenerServices, server: TakenOver) {
    this.#socket = socket
    this.#server = server
    socket.once('close', this.#gone)
    readPreface(socket, services.entrance.settings.clock, plan, (isHttp2) => {
      socket.off('close', this.#gone)
      if (!isHttp2) return server.serve(this, socket)
      server.replaced(this, new Http2Connection(socket, plan, services, (gone) => server.replaced(gone)))
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
