/**
 * One attempt as one stream: request out, reply in, both at once where both sides want that. Flow control is backpressure,
 * each way (RFC 9113, section 5.2). However it ends, exactly one of end and reset is seen on either side of it.
 */
import { type ClientHttp2Stream, constants } from 'node:http2'
import { Body, type BodySink, Deadline, HeaderList, InterimBound, type ScheduledCall } from '@sluice/wire'
import { type AnyProxyError, DownstreamError, InternalError, ProxyError, UpstreamError } from '../../errors.ts'
import { Reply } from '../../reply.ts'
import type { Tunnel } from '../../tunnel/tunnel.ts'
import type { Target } from '../../upstream/target.ts'
import { type ReplyBodyOwner, ReplySource } from '../reply-source.ts'
import { frameRequest } from '../request-framing.ts'
import type { TransportCall, TransportObserver, TransportRequest } from '../transport.ts'
import { cancelStream } from './cancel-stream.ts'
import type { Http2Connection } from './http2-connection.ts'
import { acquireError, isOfSession, resetError } from './http2-errors.ts'
import type { AcquireFailure, Http2Pool, Http2Waiter } from './http2-pool.ts'
import { openStream } from './open-stream.ts'
import { readReplyHead } from './reply-head.ts'
import { requestFields } from './request-fields.ts'
import { RequestWriter, type RequestWriterOwner } from './request-writer.ts'
import { tunnelReply } from './tunnel-reply.ts'
import { watchEnd } from './watch-end.ts'

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_REFUSED_STREAM } = constants

export class Http2Call implements TransportCall, Http2Waiter, RequestWriterOwner, ReplyBodyOwner {
  readonly needsFresh: boolean
  readonly #target: Target
  readonly #request: TransportRequest
  readonly #observer: TransportObserver
  readonly #pool: Http2Pool
  /** Makes the attempt over HTTP/1.1, where the target chooses that. */
  readonly #sendOverHttp1: () => TransportCall
  #overHttp1: TransportCall | undefined = undefined
  #reused = false
  #connectTimer: ScheduledCall | undefined = undefined
  readonly #deadline: Deadline
  #connection: Http2Connection | undefined = undefined
  #stream: ClientHttp2Stream | undefined = undefined
  #hasMovedOn = false
  /** The request's body, where it has one. */
  #writer: RequestWriter | undefined = undefined
  /** From the first interim reply on. */
  #interims: InterimBound | undefined = undefined
  #hasHead = false
  /** The target has ended its side: what a reset without an error looks like as well, but for this. */
  #hasEnded = false
  #sink: BodySink | undefined = undefined
  #isPaused = false
  #trailers: HeaderList | undefined = undefined
  #tunnel: Tunnel | undefined = undefined
  #streamError: Error | undefined = undefined
  #isComplete = false
  #error: AnyProxyError | undefined = undefined

  constructor(
    target: Target,
    request: TransportRequest,
    observer: TransportObserver,
    pool: Http2Pool,
    sendOverHttp1: () => TransportCall,
  ) {
    const { clock } = pool.settings
    const { connectTimeoutMs = 0 } = request
    this.needsFresh = request.freshConnection
    this.#target = target
    this.#request = request
    this.#observer = observer
    this.#pool = pool
    this.#sendOverHttp1 = sendOverHttp1
    this.#deadline = new Deadline(clock, () => this.#expired())
    if (connectTimeoutMs > 0)
      this.#connectTimer = clock.schedule(connectTimeoutMs, () => {
        pool.withdraw(this)
        this.refused({ kind: 'timeout' })
      })
    pool.acquire(this)
  }

  get reused(): boolean {
    return this.#overHttp1?.reused ?? this.#reused
  }

  // Getting a stream.

  acquired(connection: Http2Connection): void {
    this.#connectTimer?.cancel()
    const { upgrade, body } = this.#request
    this.#reused = connection.opened > 0
    if (upgrade !== undefined && (upgrade !== 'websocket' || !connection.takesTunnels)) {
      const message = `the target does not take ${upgrade} over HTTP/2`
      return this.#fail(new UpstreamError('ERR_SLUICE_UPGRADE_FAILED', { message, target: this.#target.key }))
    }
    try {
      this.#open(connection)
    } catch (cause) {
      // What happened to the session in this very turn is not known yet.
      if (!connection.isUsable || isOfSession(cause)) {
        connection.retire()
        return this.#pool.acquire(this)
      }
      return this.#fail(this.#internal(cause))
    }
    const writer = this.#writer
    if (writer !== undefined) return this.#guard(() => body.pipe(writer))
    this.#deadline.arm(this.#request.headTimeoutMs)
    if (upgrade === undefined && !body.isEmpty) this.#stream!.end(body.inMemory)
  }

  refused(failure: AcquireFailure): void {
    this.#connectTimer?.cancel()
    if (this.#isSettled) return
    if (failure.kind === 'http1') this.#overHttp1 = this.#sendOverHttp1()
    else this.#fail(acquireError(failure, this.#target.key))
  }

  #open(connection: Http2Connection): void {
    const { method, headers, body, upgrade } = this.#request
    frameRequest(headers, body, method)
    const isFlowing = upgrade === undefined && body.inMemory === undefined
    const stream = openStream(connection, requestFields(this.#target, this.#request), {
      endStream: upgrade === undefined && body.isEmpty,
      // Trailers are known with the last byte; and see `cancelStream`.
      waitForTrailers: isFlowing || upgrade !== undefined,
    })
    this.#connection = connection
    this.#stream = stream
    this.#hasEnded = false
    this.#writer = isFlowing ? new RequestWriter(stream, body.length, this) : undefined
    watchEnd(stream, () => (this.#hasEnded = true))
    stream.on('response', (_fields, flags, raw) => this.#guard(() => this.#takeHead(raw, flags)))
    stream.on('headers', (_fields, _flags, raw) => this.#guard(() => this.#takeInterim(raw)))
    stream.on('trailers', (_fields, _flags, raw) => (this.#trailers = HeaderList.received(raw)))
    stream.on('error', (error) => (this.#streamError = error))
    stream.on('close', () => this.#closed(connection, stream))
  }

  /** It runs while the target has to take what waits for it, or to answer; not while whoever sends the body takes his time. */
  awaitTarget(isItsTurn: boolean): void {
    if (this.#isSettled || this.#tunnel !== undefined) return
    const { headTimeoutMs, bodyIdleTimeoutMs } = this.#request
    if (this.#hasHead) {
      if (!this.#isPaused) this.#deadline.arm(bodyIdleTimeoutMs)
    } else if (isItsTurn) this.#deadline.arm(headTimeoutMs)
    else this.#deadline.clear()
  }

  giveUp(error: AnyProxyError): void {
    this.#fail(error)
  }

  // The reply.

  #takeInterim(raw: string[]): void {
    if (this.#isSettled) return
    const head = readReplyHead(raw, this.#pool.settings.maxResponseHeaderBytes)
    const interims = (this.#interims ??= new InterimBound())
    if (!interims.take(head.bytes)) {
      // A target that has lost itself in one stream is not given others.
      this.#connection?.retire()
      return this.#refuse('there is no end to the interim replies')
    }
    if (head.status === 101) return this.#refuse('HTTP/2 has no switch of protocols')
    if (head.status !== 100) this.#observer.informational(head.status, head.headers)
  }

  #takeHead(raw: string[], flags: number): void {
    if (this.#isSettled) return
    const { status, headers, length, isTooLarge } = readReplyHead(raw, this.#pool.settings.maxResponseHeaderBytes)
    if (isTooLarge)
      return this.#fail(new UpstreamError('ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE', { target: this.#target.key }))
    if (!(status >= 200 && status <= 599)) return this.#refuse(`the status ${status} does not exist`)
    this.#hasHead = true
    if (this.#request.upgrade !== undefined && status < 300) return this.#openTunnel(headers)
    // An ordinary reply: there is nothing to send into what would have been the tunnel.
    if (this.#request.upgrade !== undefined) this.#stream!.end()
    const isWhole = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const isBodiless = isWhole || length === 0 || this.#request.method === 'HEAD' || status === 204 || status === 304
    const stream = this.#stream!
    const body = isBodiless ? Body.empty : Body.from(new ReplySource(this), length)
    const reply = new Reply(status, headers, body)
    reply.httpVersion = '2.0'
    if (isWhole) return this.#replyWhole(reply)
    this.#deadline.arm(this.#request.bodyIdleTimeoutMs)
    stream.once('end', () => this.#guard(() => this.#ended()))
    this.#observer.reply(reply)
    // Its end may come by itself, behind the head.
    if (isBodiless) stream.resume()
  }

  /** Trailers-Only of gRPC is one of these: everything is in the head. */
  #replyWhole(reply: Reply): void {
    this.#stream!.resume()
    this.#complete()
    let failure: AnyProxyError | undefined
    try {
      return this.#observer.reply(reply, true)
    } catch (cause) {
      failure = this.#internal(cause)
    }
    this.#tell(failure)
  }

  startBody(sink: BodySink): void {
    if (this.#error !== undefined) return sink.abort(this.#error)
    this.#sink = sink
    this.#stream!.on('data', (chunk: Buffer) => this.#guard(() => this.#take(chunk)))
  }

  resumeBody(): void {
    if (this.#isSettled || !this.#isPaused) return
    this.#isPaused = false
    this.#deadline.arm(this.#request.bodyIdleTimeoutMs)
    this.#stream!.resume()
  }

  abandonBody(cause: Error): void {
    this.#sink = undefined
    // Whoever reads stands on the client's side, and the target has done nothing wrong.
    this.#fail(ProxyError.is(cause) ? cause : new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause }))
  }

  #take(chunk: Buffer): void {
    if (this.#isSettled) return
    this.#deadline.arm(this.#request.bodyIdleTimeoutMs)
    if (this.#sink!.write(chunk) || this.#isSettled) return
    // A reader that takes its time is not a target that is silent.
    this.#isPaused = true
    this.#deadline.clear()
    this.#stream!.pause()
  }

  #ended(): void {
    // Otherwise it was reset, and `close` will say how.
    if (this.#isSettled || !this.#hasEnded) return
    const sink = this.#sink
    this.#complete()
    try {
      sink?.end(this.#trailers)
    } catch (error) {
      sink?.abort(error instanceof Error ? error : new Error(String(error)))
    }
    this.#tell(undefined)
  }

  #openTunnel(headers: HeaderList): void {
    this.#deadline.dispose()
    const reply = tunnelReply(this.#request, this.#stream!, headers)
    this.#tunnel = reply.tunnel
    this.#observer.reply(reply)
  }

  // The end.

  cancel(error: AnyProxyError): void {
    if (this.#overHttp1 !== undefined) return this.#overHttp1.cancel(error)
    this.#pool.withdraw(this)
    this.#fail(error)
  }

  get #isSettled(): boolean {
    return this.#isComplete || this.#error !== undefined
  }

  #refuse(message: string): void {
    this.#fail(new UpstreamError('ERR_SLUICE_RESPONSE_INVALID', { message, target: this.#target.key }))
  }

  #expired(): void {
    const code = this.#hasHead ? 'ERR_SLUICE_BODY_IDLE' : 'ERR_SLUICE_HEAD_TIMEOUT'
    this.#fail(new UpstreamError(code, { target: this.#target.key }))
    this.#connection?.probe()
  }

  /** The whole reply is here. What of the request is still to come is of no use to the target (section 8.1). */
  #complete(): void {
    this.#isComplete = true
    this.#sink = undefined
    this.#deadline.dispose()
    if (this.#writer === undefined || this.#writer.isSent) return
    this.#writer.stop(new Error('the target has answered before the whole request was sent'))
    cancelStream(this.#stream!)
  }

  #fail(error: AnyProxyError): void {
    if (this.#isSettled) return
    this.#error = error
    this.#connectTimer?.cancel()
    this.#deadline.dispose()
    const sink = this.#sink
    this.#sink = undefined
    if (this.#stream !== undefined) cancelStream(this.#stream)
    this.#writer?.stop(error)
    sink?.abort(error)
    this.#tell(error)
  }

  #closed(connection: Http2Connection, stream: ClientHttp2Stream): void {
    connection.left()
    if (this.#isSettled || this.#stream !== stream) return
    if (this.#tunnel !== undefined) return this.#endTunnel()
    const wasNeverSent = isOfSession(this.#streamError)
    const isRefused =
      !this.#hasHead && (wasNeverSent || stream.rstCode === NGHTTP2_REFUSED_STREAM || connection.hasRefused(stream))
    if (isRefused && (wasNeverSent || connection.isGoingAway) && this.#moveOn()) return
    this.#fail(
      resetError({
        code: stream.rstCode,
        cause: this.#streamError,
        isRefused,
        isConnectionLost: connection.isLost,
        hasHead: this.#hasHead,
        target: this.#target.key,
      }),
    )
  }

  #endTunnel(): void {
    this.#isComplete = true
    this.#tell(undefined)
  }

  /** The last call. A hook that throws at it is told of its own error, and must not end the process. */
  #tell(error: AnyProxyError | undefined): void {
    try {
      this.#observer.done(error)
    } catch (cause) {
      this.#guard(() => this.#observer.done(this.#internal(cause)))
    }
  }

  /** Once, to another connection of the same target: it said on this one that it did not look at the request (section 6.8). */
  #moveOn(): boolean {
    if (this.#hasMovedOn || !this.#request.body.canReplay) return false
    this.#hasMovedOn = true
    this.#deadline.clear()
    this.#writer?.stop(new Error('the target did not take the request'))
    this.#writer = undefined
    this.#streamError = undefined
    this.#pool.acquire(this)
    return true
  }

  /** In a listener of Node's: what an observer, or a reader of the body, throws must not end the process. */
  #guard(step: () => void): void {
    try {
      step()
    } catch (cause) {
      this.#fail(this.#internal(cause))
    }
  }

  #internal(cause: unknown): AnyProxyError {
    return ProxyError.is(cause) ? cause : new InternalError('ERR_SLUICE_INTERNAL', { cause, target: this.#target.key })
  }
}
