/** The listener on `node:http`, or `node:https`, with HTTP/2 beside it. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Server as TlsServer } from 'node:tls'
import { expectProxyHeader, type OtherConnection, type TakenOver } from '@sluice/wire'
import { DownstreamError, type AnyProxyError } from '../errors.ts'
import { alpnProtocols, http2Plan } from '../http2/http2-options.ts'
import { http2TakeOver } from '../http2/take-over.ts'
import { listenerAddress } from '../listener-address.ts'
import { listenerTls, proxyProtocol, speaksTls } from '../listener-parts.ts'
import type { Listener, ListenerAddress, ListenerFactory, ListenerServices, ListenOptions } from '../listener.ts'
import { problemMessage } from '../problem.ts'
import type { ListenTlsOptions } from '../tls/listen-tls-options.ts'
import type { ListenerTls } from '../tls/listener-tls.ts'
import { createNodeHandler } from './node-handler.ts'
import { createUpgradeHandler } from './node-upgrade.ts'

/** A listener factory for `proxy.listen({ listener })`. */
export function nodeListener(): ListenerFactory {
  return (options, services) => new NodeListener(options, services)
}

class NodeListener implements Listener, TakenOver {
  readonly #options: ListenOptions
  readonly #server: Server
  readonly #name: string
  readonly #tls: ListenerTls | undefined
  /** All connections, those included whose handshake is under way. */
  readonly #sockets = new Set<Socket>()
  /** Those of HTTP/2, and those that may become it. */
  readonly #others = new Set<OtherConnection>()
  /** What the server does with a connection of HTTP/1.1. */
  #serveHttp1: (socket: Socket) => void = () => {}
  #isClosing = false

  constructor(options: ListenOptions, services: ListenerServices) {
    this.#options = options
    this.#name = services.entrance.settings.name
    const handler = createNodeHandler(services)
    const continueHandler = createNodeHandler(services, true)
    const settings = {
      // The entrance checks Host itself, and answers with a problem document.
      requireHostHeader: false,
      maxHeaderSize: options.maxHeaderBytes ?? 16_384,
      // Node wants it to be the shorter one.
      headersTimeout: shorter(options.headTimeoutMs ?? 60_000, options.requestTimeoutMs ?? 0),
      requestTimeout: options.requestTimeoutMs ?? 0,
      keepAliveTimeout: options.idleTimeoutMs ?? 65_000,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
      // Since Node 24.10: a request without a body is not made a stream that flows, ends and closes, a twelfth of what it costs.
      optimizeEmptyRequests: true,
    }
    const { clock } = services.entrance.settings
    const http2 = http2Plan(options)
    this.#tls = listenerTls(options, clock)
    const tls = this.#tls?.serverOptions(alpnProtocols(http2))
    const proxied = proxyProtocol(options)
    // To its user a server of `node:https` is one of `node:http`; only their types do not say so.
    this.#server =
      tls === undefined
        ? createServer(settings)
        : (createSecureServer({ ...settings, ...tls }) as unknown as Server).prependListener(
            // Ahead of Node's own, which would have a client that speaks no TLS be answered in HTTP.
            'tlsClientError',
            (_error: Error, socket: Duplex) => void socket.destroy(),
          )
    this.#divert(tls === undefined ? 'connection' : 'secureConnection', http2TakeOver(http2, services))
    if (proxied !== undefined) expectProxyHeader(this.#server, proxied, clock)
    if (options.maxConnections !== undefined && options.maxConnections > 0)
      this.#server.maxConnections = options.maxConnections
    this.#server.on('request', (request, response) => handler(request, response))
    this.#server.on('checkContinue', (request, response) => continueHandler(request, response))
    this.#server.on('checkExpectation', (request, response) => handler(request, response))
    this.#server.on('upgrade', createUpgradeHandler(services))
    this.#server.on('connect', (_request: IncomingMessage, socket: Duplex) =>
      this.#refuse(socket, new DownstreamError('ERR_SLUICE_METHOD_REFUSED')),
    )
    this.#server.on('clientError', (error: Error, socket: Duplex) => this.#refuse(socket, fromParser(error)))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  async listen(): Promise<void> {
    const { port = 0, host, path } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      const listening = () => {
        this.#server.off('error', reject)
        resolve()
      }
      if (path === undefined) this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, listening)
      else this.#server.listen({ path }, listening)
    })
    this.#tls?.attach(this.#server as unknown as TlsServer, () => this.address)
  }

  get address(): ListenerAddress {
    return listenerAddress(this.#server.address(), this.#options.tls !== undefined)
  }

  get connections(): number {
    return this.#sockets.size
  }

  setTls(options: ListenTlsOptions): void {
    speaksTls(this.#tls).replace(options)
  }

  async reloadTls(): Promise<void> {
    await speaksTls(this.#tls).reload()
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#tls?.stop()
    for (const other of this.#others) other.closeIfIdle()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeIdleConnections()
    })
  }

  destroy(): void {
    this.#tls?.stop()
    this.#server.closeAllConnections()
    for (const other of this.#others) other.destroy()
    // Node's list leaves out those that are tunnels, and those whose handshake is under way.
    for (const socket of this.#sockets) socket.destroy()
  }

  serve(connection: OtherConnection, socket: Socket): void {
    this.#others.delete(connection)
    this.#serveHttp1(socket)
    // As it was before it was looked at.
    socket.resume()
  }

  replaced(connection: OtherConnection, became?: OtherConnection): void {
    this.#others.delete(connection)
    if (became === undefined) return
    this.#others.add(became)
    if (this.#isClosing) became.closeIfIdle()
  }

  /** Puts `takeOver` in front of what the server does with its connections. */
  #divert(event: 'connection' | 'secureConnection', takeOver: ReturnType<typeof http2TakeOver>): void {
    if (takeOver === undefined) return
    const server = this.#server
    const serve = server.listeners(event) as ((socket: Socket) => void)[]
    const serveAll = (socket: Socket): void => serve.forEach((each) => each.call(server, socket))
    this.#serveHttp1 = serveAll
    server.removeAllListeners(event)
    server.on(event, (socket: Socket) => {
      const other = takeOver(socket, this)
      if (other === undefined) this.#serveHttp1(socket)
      else this.#others.add(other)
    })
  }

  /** Answers what never became a request. A reply that was begun can't be taken back: then only the connection goes. */
  #refuse(socket: Duplex, error: AnyProxyError): void {
    socket.on('error', ignore)
    const { _httpMessage: begun } = socket as Duplex & { _httpMessage?: { headersSent: boolean } | null }
    if (!socket.writable || begun?.headersSent === true) return void socket.destroy()
    socket.end(problemMessage(error, this.#name), 'latin1', () => socket.destroy())
  }
}

/** What Node's parser refuses, in our codes. */
function fromParser(cause: Error & { code?: string }): DownstreamError {
  if (cause.code === 'HPE_HEADER_OVERFLOW') return new DownstreamError('ERR_SLUICE_HEADERS_TOO_LARGE', { cause })
  if (cause.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new DownstreamError('ERR_SLUICE_REQUEST_TIMEOUT', { cause })
  if (cause.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE', { cause })
  return new DownstreamError('ERR_SLUICE_BAD_REQUEST', { cause })
}

function ignore(): void {}

/** 0 is for no limit. */
function shorter(timeoutMs: number, otherMs: number): number {
  return otherMs === 0 || (timeoutMs !== 0 && timeoutMs < otherMs) ? timeoutMs : otherMs
}
