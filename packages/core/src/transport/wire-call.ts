/** One attempt on the wire engine: waits for a connection, sends, and tells the observer in the words of this package. */
import {
  type AcquireFailure,
  type Body,
  type ClientConnection,
  type Clock,
  type ConnectionPool,
  type HeaderList,
  MessageError,
  OutgoingRequest,
  type ReplyObserver,
  type RequestFailure,
  type ScheduledCall,
  type Waiter,
} from '@sluice/wire'
import type { UpstreamErrorCode } from '../error-codes.ts'
import { type AnyProxyError, DownstreamError, InternalError, ProxyError, UpstreamError } from '../errors.ts'
import { isIdempotent } from '../idempotent.ts'
import { Reply } from '../reply.ts'
import { SocketEnd } from '../tunnel/socket-end.ts'
import { Tunnel } from '../tunnel/tunnel.ts'
import type { Target } from '../upstream/target.ts'
import { frameRequest } from './request-framing.ts'
import type { TransportCall, TransportObserver, TransportRequest } from './transport.ts'
import { connectErrorCode } from './undici-errors.ts'

export class WireCall implements TransportCall, Waiter, ReplyObserver {
  reused = false
  readonly isRepeatable: boolean
  readonly needsFresh: boolean
  readonly #target: Target
  readonly #request: TransportRequest
  readonly #observer: TransportObserver
  readonly #pool: ConnectionPool
  #outgoing: OutgoingRequest | undefined = undefined
  #tunnel: SocketEnd | undefined = undefined
  #hasHead = false
  #isDone = false
  #connectTimer: ScheduledCall | undefined = undefined

  constructor(
    target: Target,
    request: TransportRequest,
    observer: TransportObserver,
    pool: ConnectionPool,
    clock: Clock,
  ) {
    this.#target = target
    this.#request = request
    this.#observer = observer
    this.#pool = pool
    this.isRepeatable = isIdempotent(request.method) && request.body.canReplay
    this.needsFresh = request.freshConnection
    const { connectTimeoutMs = 0 } = request
    if (connectTimeoutMs > 0) this.#connectTimer = clock.schedule(connectTimeoutMs, () => this.#connectIsLate())
    pool.acquire(this)
  }

  acquired(connection: ClientConnection, isReused: boolean): void {
    this.#connectTimer?.cancel()
    const { method, headers, body, acceptsTrailers } = this.#request
    this.reused = isReused
    frameRequest(headers, body, method)
    // A field of this connection, which has to be named as one (RFC 9110, section 10.1.4).
    if (acceptsTrailers === true) headers.set('TE', 'trailers').append('Connection', 'TE')
    this.#outgoing = new OutgoingRequest(this.#request, this)
    connection.send(this.#outgoing)
  }

  refused(failure: AcquireFailure): void {
    this.#finish(this.#connectError(failure))
  }

  informational(status: number, headers: HeaderList): void {
    this.#observer.informational(status, headers)
  }

  reply(status: number, headers: HeaderList, body: Body, isWhole: boolean): void {
    this.#hasHead = true
    this.#observer.reply(new Reply(status, headers, body), isWhole)
    // Unless it threw: then `done` tells it why.
    this.#isDone = isWhole
  }

  upgraded(status: number, headers: HeaderList, connection: ClientConnection, head: Buffer): void {
    const reply = new Reply(status, headers)
    this.#tunnel = new SocketEnd(connection, head, () => this.#finish(undefined))
    reply.tunnel = new Tunnel(this.#tunnel)
    this.#hasHead = true
    this.#observer.reply(reply)
  }

  translate(failure: RequestFailure, cause: Error | undefined): AnyProxyError {
    if (ProxyError.is(cause)) return cause
    if (failure === 'internal') return new InternalError('ERR_SLUICE_INTERNAL', { cause, target: this.#target.key })
    const code =
      cause instanceof MessageError && cause.fault === 'head-too-large'
        ? 'ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE'
        : CODES[failure]
    // Only what no byte of a reply has come for may be tried again.
    if (failure === 'cut-short') return new UpstreamError(code, { cause, target: this.#target.key, retry: 'never' })
    const isCutShort = this.#hasHead && failure !== 'body-idle'
    return new UpstreamError(isCutShort ? 'ERR_SLUICE_RESPONSE_TRUNCATED' : code, { cause, target: this.#target.key })
  }

  done(error: Error | undefined): void {
    this.#finish(error as AnyProxyError | undefined)
  }

  cancel(error: AnyProxyError): void {
    if (this.#isDone) return
    if (this.#tunnel !== undefined) {
      this.#tunnel.destroy()
      return this.#finish(error)
    }
    if (this.#outgoing !== undefined) return this.#outgoing.breakOff(error)
    this.#pool.withdraw(this)
    this.#finish(error)
  }

  given(cause: Error): AnyProxyError {
    if (ProxyError.is(cause)) return cause
    return new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause, message: 'the reply was not wanted' })
  }

  #connectIsLate(): void {
    this.#pool.withdraw(this)
    this.#finish(this.#connectError({ kind: 'connect-timeout' }))
  }

  #finish(error: AnyProxyError | undefined): void {
    if (this.#isDone) return
    this.#connectTimer?.cancel()
    this.#isDone = true
    this.#observer.done(error)
  }

  #connectError(failure: AcquireFailure): AnyProxyError {
    const target = this.#target.key
    switch (failure.kind) {
      case 'connect-failed':
        return new UpstreamError(connectErrorCode(failure.error), { cause: failure.error, target })
      case 'connect-timeout':
        return new UpstreamError('ERR_SLUICE_CONNECT_TIMEOUT', { target })
      case 'closed':
        return new InternalError('ERR_SLUICE_CLOSING', { target })
      default:
        return new UpstreamError('ERR_SLUICE_QUEUE_FULL', { target })
    }
  }
}

const CODES: Readonly<Record<Exclude<RequestFailure, 'internal'>, UpstreamErrorCode>> = {
  closed: 'ERR_SLUICE_CONNECTION_RESET',
  'cut-short': 'ERR_SLUICE_CONNECTION_RESET',
  malformed: 'ERR_SLUICE_RESPONSE_INVALID',
  'head-timeout': 'ERR_SLUICE_HEAD_TIMEOUT',
  'body-idle': 'ERR_SLUICE_BODY_IDLE',
}
