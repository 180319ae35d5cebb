/** The listener on Sluice's own HTTP/1.1 engine, with HTTP/2 on Node's: the default of `proxy.listen()`. */
import type { Server as TlsServer } from 'node:tls'
import {
  type ConnectionOptions,
  DEFAULT_LIMITS,
  HttpServer,
  type IncomingRequest,
  maskOf,
  MessageError,
  type RequestObserver,
  type ServerConnection,
} from '@sluice/wire'
import type { HeaderList } from '@sluice/wire'
import type { Peer } from '../client.ts'
import type { Admission } from '../entrance/entrance.ts'
import { requestedUpgrade } from '../entrance/hop-by-hop.ts'
import { type AnyProxyError, DownstreamError, ProxyError } from '../errors.ts'
import type { Downstream } from '../exchange-init.ts'
import { ReceivedRequest } from '../exchange-request.ts'
import { alpnProtocols, http2Plan } from '../http2/http2-options.ts'
import { http2TakeOver } from '../http2/take-over.ts'
import { limitBody } from '../limited-body.ts'
import { listenerAddress } from '../listener-address.ts'
import { listenerTls, proxyProtocol, speaksTls } from '../listener-parts.ts'
import type { Listener, ListenerAddress, ListenerFactory, ListenerServices, ListenOptions } from '../listener.ts'
import { hasVanished, readPeer } from '../node/node-socket.ts'
import { problemMessage } from '../problem.ts'
import { frameReply } from '../reply-framing.ts'
import type { Reply } from '../reply.ts'
import type { ListenTlsOptions } from '../tls/listen-tls-options.ts'
import type { ListenerTls } from '../tls/listener-tls.ts'
import { SocketEnd } from '../tunnel/socket-end.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

const UPGRADE = maskOf('upgrade')

/** A listener factory for `proxy.listen({ listener })`. */
export function wireListener(): ListenerFactory {
  return (options, services) => new WireListener(options, services)
}

class WireListener implements Listener {
  readonly #options: ListenOptions
  readonly #services: ListenerServices
  readonly #server: HttpServer
  readonly #tls: ListenerTls | undefined

  constructor(options: ListenOptions, services: ListenerServices) {
    this.#options = options
    this.#services = services
    const { settings } = services.entrance
    const http2 = http2Plan(options)
    this.#tls = listenerTls(options, settings.clock)
    this.#server = new HttpServer({
      clock: settings.clock,
      connection: connectionOptions(options, settings.maxTargetBytes),
      maxConnections: options.maxConnections ?? 0,
      tls: this.#tls?.serverOptions(alpnProtocols(http2)),
      proxyProtocol: proxyProtocol(options),
      takeOver: http2TakeOver(http2, services),
      onRequest: (request) => this.#take(request),
      onError: (error, request) => {
        const wire = request?.observer as WireExchange | undefined
        if (wire !== undefined) settings.onInternalError(error, wire.admission.exchange)
      },
      refusal: (fault) => problemMessage(errorOf(fault), settings.name),
    })
  }

  async listen(): Promise<void> {
    const { port = 0, host, path } = this.#options
    await this.#server.listen(path === undefined ? { port, ...(host === undefined ? {} : { host }) } : { path })
    this.#tls?.attach(this.#server.server as TlsServer, () => this.address)
  }

  get address(): ListenerAddress {
    return listenerAddress(this.#server.address, this.#options.tls !== undefined)
  }

  get connections(): number {
    return this.#server.connections
  }

  setTls(options: ListenTlsOptions): void {
    speaksTls(this.#tls).replace(options)
  }

  async reloadTls(): Promise<void> {
    await speaksTls(this.#tls).reload()
  }

  async close(): Promise<void> {
    this.#tls?.stop()
    await this.#server.close()
  }

  destroy(): void {
    this.#tls?.stop()
    this.#server.destroy()
  }

  #take(request: IncomingRequest): void {
    const { entrance } = this.#services
    const { connection } = request
    const peer = peerOf(connection)
    if (hasVanished(connection.socket, peer)) return connection.reset()
    const { method, target, headers, httpVersion } = request.head
    const received = new ReceivedRequest(method, target, headers, httpVersion)
    const wire = new WireExchange(request)
    const protocol = headers.hasAny(UPGRADE) ? requestedUpgrade(headers, httpVersion) : undefined
    const admission = entrance.admit({
      received,
      body: limitBody(request.body, entrance.settings.maxBodyBytes),
      peer,
      downstream: wire,
      upgrade: request.isComplete ? protocol : undefined,
    })
    wire.admission = admission
    request.observer = wire
    entrance.answer(admission, (reply) => wire.respond(reply, this.#services.isClosing()))
  }
}

/** Ties an exchange to its request on the wire. */
class WireExchange implements Downstream, RequestObserver {
  admission!: Admission
  readonly #request: IncomingRequest
  #reply: Reply | undefined = undefined

  constructor(request: IncomingRequest) {
    this.#request = request
  }

  informational(status: number, headers: HeaderList): void {
    this.#request.informational(status, headers)
  }

  respond(reply: Reply, isClosing: boolean): void {
    const { exchange } = this.admission
    this.#reply = reply
    try {
      if (reply.tunnel !== undefined && reply.status === 101) return this.#openTunnel(reply, reply.tunnel)
      frameReply(reply, exchange.received.method)
      this.#request.respond(reply.status, reply.headers, reply.body, isClosing || reply.closesConnection)
    } catch (error) {
      exchange.settings.onInternalError(error, exchange)
      this.#request.connection.reset()
    }
  }

  translate(cause: Error): AnyProxyError {
    if (ProxyError.is(cause)) return cause
    if (cause instanceof MessageError) {
      const isLate = cause.fault === 'timeout'
      return new DownstreamError(isLate ? 'ERR_SLUICE_REQUEST_TIMEOUT' : 'ERR_SLUICE_BODY_MALFORMED', { cause })
    }
    return new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause })
  }

  aborted(error: Error): void {
    this.admission.exchange.abort(this.translate(error))
  }

  ended(bodyBytes: number, error: Error | undefined): void {
    this.admission.exchange.end(this.#reply, bodyBytes, error)
  }

  #openTunnel(reply: Reply, tunnel: Tunnel): void {
    const { exchange } = this.admission
    const { connection } = this.#request
    if (connection.socket.destroyed) return tunnel.destroy()
    reply.headers.append('Connection', 'Upgrade').append('Upgrade', exchange.request.upgrade ?? '')
    connection.writeHead(101, reply.headers)
    const client = new SocketEnd(connection, connection.pipelined)
    tunnel.open(exchange, client, () => this.#request.end(tunnel.bytesFromTarget, tunnel.error))
  }
}

function connectionOptions(options: ListenOptions, maxTargetBytes: number): ConnectionOptions {
  return {
    limits: {
      ...DEFAULT_LIMITS,
      maxHeadBytes: options.maxHeaderBytes ?? DEFAULT_LIMITS.maxHeadBytes,
      maxFields: options.maxHeaderCount ?? DEFAULT_LIMITS.maxFields,
      maxTargetBytes,
    },
    headTimeoutMs: options.headTimeoutMs ?? 60_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 0,
    bodyIdleTimeoutMs: options.bodyIdleTimeoutMs ?? 60_000,
    sendTimeoutMs: options.sendTimeoutMs ?? 60_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 65_000,
    maxRequests: options.maxRequestsPerConnection ?? 0,
    maxAgeMs: options.maxConnectionAgeMs ?? 0,
    allowHalfOpen: options.allowHalfOpen ?? false,
    drainBytes: 1_048_576,
    drainMs: 2_000,
  }
}

/** What the engine refuses, in our codes. */
function errorOf(fault: MessageError | 'timeout'): DownstreamError {
  if (fault === 'timeout') return new DownstreamError('ERR_SLUICE_REQUEST_TIMEOUT')
  switch (fault.fault) {
    case 'target-too-long':
      return new DownstreamError('ERR_SLUICE_TARGET_TOO_LONG', { cause: fault })
    case 'head-too-large':
    case 'too-many-fields':
      return new DownstreamError('ERR_SLUICE_HEADERS_TOO_LARGE', { cause: fault })
    case 'version':
      return new DownstreamError('ERR_SLUICE_BAD_REQUEST', { cause: fault, status: 505 })
    default:
      return new DownstreamError('ERR_SLUICE_BAD_REQUEST', { cause: fault })
  }
}

/** The same object for all requests of a connection. */
function peerOf(connection: ServerConnection): Peer {
  return (connection.attachment ??= readPeer(connection.socket)) as Peer
}
