/**
 * Ties an exchange to its stream: 1xx replies, the reply with its body and trailers, a tunnel, and the end of it all. It never
 * throws into the engine; whatever goes wrong resets the stream, so that the client can't take what it has for complete.
 */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { type HeaderList, maskOf } from '@sluice/wire'
import type { Admission } from '../entrance/entrance.ts'
import { DownstreamError, ProxyError } from '../errors.ts'
import type { Downstream } from '../exchange.ts'
import { frameReply } from '../reply-framing.ts'
import type { Reply } from '../reply.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { Http2StreamEnd } from './http2-stream-end.ts'
import { Http2ReplyBody, type ReplyBodyOwner } from './reply-body.ts'
import { dropConnectionFields, fieldsByName, replyFields } from './reply-fields.ts'
import { Http2RequestBody } from './request-body.ts'
import { respondRaw, WITH_BODY, WITH_TRAILERS, WITHOUT_BODY } from './respond-raw.ts'

const { NGHTTP2_NO_ERROR } = constants

/** What an exchange's connection is to it. Durations in milliseconds, 0 for none. */
export interface Http2Host {
  /** The value of `Date`. */
  readonly date: string
  /** Whether connections are closed behind what they are doing. */
  readonly isClosing: boolean
  /** Longest silence within a request's body. */
  readonly bodyIdleTimeoutMs: number
  /** Longest time for a whole request. */
  readonly requestTimeoutMs: number
  /** Longest time in which a client reads nothing of its reply. */
  readonly sendTimeoutMs: number
  /** Whether it has about as many streams as it may have. */
  readonly isCrowded: boolean
  /** Whether the connection has ended, in order or not. */
  readonly isGone: boolean
  /** Takes nothing new on the connection; what is under way goes on. */
  retire(): void
  /** A stream is gone; `isEarly` where that was before it had a reply, and not our doing. */
  left(exchange: Http2Exchange, isEarly: boolean): void
}

const TRAILER = maskOf('trailer')

export class Http2Exchange implements Downstream, ReplyBodyOwner {
  /** Its place among those of its connection; -1 for none. */
  index = -1
  readonly #stream: ServerHttp2Stream
  readonly #host: Http2Host
  #admission!: Admission
  #requestBody: Http2RequestBody | undefined = undefined
  #reply: Reply | undefined = undefined
  /** The way of its body, where that flows. */
  #replyBody: Http2ReplyBody | undefined = undefined
  #sentBytes = 0
  /** The whole reply was handed to the stream. */
  #isReplied = false
  #clientEnd: Http2StreamEnd | undefined = undefined
  #error: Error | undefined = undefined
  // What `check` has seen, and since when.
  #seenBody = -1
  #bodyAt = 0
  #seenUnsent = -1
  #unsentAt = 0

  constructor(stream: ServerHttp2Stream, host: Http2Host) {
    this.#stream = stream
    this.#host = host
  }

  /** What has come of the request's body, or through its tunnel. */
  get bytesReceived(): number {
    return this.#clientEnd?.bytes ?? this.#requestBody?.bytes ?? 0
  }

  /** Whether more than its head may come. */
  get mayReceive(): boolean {
    return this.#requestBody !== undefined || this.#admission.exchange.received.method === 'CONNECT'
  }

  /** The body of its request, where it has one. */
  receive(length: number | undefined, owesContinue: boolean): Http2RequestBody {
    return (this.#requestBody = new Http2RequestBody(this.#stream, length, owesContinue))
  }

  /** From here on the stream's end is the exchange's. */
  open(admission: Admission): void {
    this.#admission = admission
    // Comes once: `on` spares the wrapper that would see to it.
    this.#stream.on('close', () => this.#closed())
  }

  informational(status: number, headers: HeaderList): void {
    const stream = this.#stream
    if (stream.headersSent || stream.destroyed || stream.closed) return
    dropConnectionFields(headers)
    const fields = fieldsByName(headers.raw())
    fields[':status'] = String(status)
    try {
      stream.additionalHeaders(fields)
    } catch {
      // What the engine refuses is no loss: the final reply does without.
    }
  }

  /** Sends the reply. */
  respond(reply: Reply): void {
    const stream = this.#stream
    const { exchange } = this.#admission
    this.#reply = reply
    if (stream.destroyed || stream.closed) return this.#discard(reply)
    try {
      if (reply.tunnel !== undefined && reply.status === 101) return this.#openTunnel(reply, reply.tunnel)
      frameReply(reply, exchange.received.method)
      this.#send(reply, replyFields(reply.status, reply.headers, this.#host.date))
      if (reply.closesConnection || this.#host.isClosing) this.#host.retire()
    } catch (error) {
      exchange.settings.onInternalError(error, exchange)
      reply.body.cancel()
      this.bodyBroken(error as Error)
    }
  }

  bodySent(): void {
    this.#replied()
  }

  /**
   * A clean end would make a truncated body look whole: so it is reset, with INTERNAL_ERROR. Not by `close`, which ends the
   * stream in order before it resets it.
   */
  bodyBroken(error: Error): void {
    this.#error ??= error
    this.#stream.destroy(error)
  }

  /**
   * Called now and then: times out what waits for the client. One look at what has passed in between costs less than a
   * deadline that is put off with each chunk.
   */
  check(now: number): void {
    const stream = this.#stream
    if (stream.destroyed || this.#clientEnd !== undefined) return
    // Reset without an error, while nobody reads what came before.
    if (stream.closed && !this.#isReplied) return void stream.destroy()
    this.#checkBody(now)
    this.#checkSending(now)
  }

  #checkBody(now: number): void {
    const body = this.#requestBody
    if (body === undefined || this.#isReplied || !body.awaitsClient) return void (this.#seenBody = -1)
    const { bodyIdleTimeoutMs, requestTimeoutMs } = this.#host
    if (body.bytes !== this.#seenBody) {
      this.#seenBody = body.bytes
      this.#bodyAt = now
    }
    const isSilent = bodyIdleTimeoutMs > 0 && now - this.#bodyAt >= bodyIdleTimeoutMs
    const isLate = requestTimeoutMs > 0 && now - this.#admission.exchange.startedAt >= requestTimeoutMs
    if (!isSilent && !isLate) return
    const error = new DownstreamError('ERR_SLUICE_REQUEST_TIMEOUT')
    // Its own reply says so; one that was begun can't be taken back.
    if (this.#reply !== undefined) this.bodyBroken(error)
    else body.breakOff(error)
  }

  #checkSending(now: number): void {
    const { sendTimeoutMs } = this.#host
    const unsent = this.#stream.bufferSize
    if (sendTimeoutMs === 0 || (unsent === 0 && !this.#isReplied)) return void (this.#seenUnsent = -1)
    if (unsent !== this.#seenUnsent) {
      this.#seenUnsent = unsent
      this.#unsentAt = now
    } else if (now - this.#unsentAt >= sendTimeoutMs) this.bodyBroken(left())
  }

  #send({ body, headers }: Reply, fields: readonly string[]): void {
    const stream = this.#stream
    const { latin1: text } = body
    if (body.isEmpty) {
      respondRaw(stream, fields, WITHOUT_BODY)
      return this.#replied()
    }
    // Small, whole, and text already.
    if (text !== undefined) {
      this.#sentBytes = text.length
      respondRaw(stream, fields, WITH_BODY)
      stream.end(text, 'latin1')
      return this.#replied()
    }
    const sendsTrailers = body.length === undefined || headers.hasAny(TRAILER)
    const flowing = (this.#replyBody = new Http2ReplyBody(stream, fields, body.length, sendsTrailers, this))
    body.pipe(flowing)
    flowing.started()
  }

  /** What the client still sends is not waited for: it is told that it may stop (RFC 9113, section 8.1). */
  #replied(): void {
    this.#isReplied = true
    if (this.#host.isCrowded) letGoSoon(this.#stream)
    const body = this.#requestBody
    if (body === undefined || body.isComplete) return
    const stream = this.#stream
    const stop = (): void => {
      if (stream.destroyed) return
      if (!body.isComplete && !stream.closed) stream.close(NGHTTP2_NO_ERROR)
      body.drop()
    }
    // One that has sent all by the end of this turn need not be told.
    const soon = (): void => void setImmediate(stop)
    if (stream.writableFinished) soon()
    else stream.once('finish', soon)
  }

  #openTunnel(reply: Reply, tunnel: Tunnel): void {
    const { exchange } = this.#admission
    const { headers } = reply
    // Parts of the handshake that HTTP/2 does without (RFC 8441, section 5).
    headers.delete('sec-websocket-accept')
    headers.delete('content-length')
    // With room for trailers, so that a reset is not preceded by an end.
    respondRaw(this.#stream, replyFields(200, headers, this.#host.date), WITH_TRAILERS)
    const end = (this.#clientEnd = new Http2StreamEnd(this.#stream))
    tunnel.open(exchange, end, () => exchange.end(reply, tunnel.bytesFromTarget, tunnel.error))
  }

  /** The client has left in the meantime. */
  #discard(reply: Reply): void {
    reply.tunnel?.destroy()
    reply.body.cancel()
    // Where it has reset its stream without an error, what it sent before may be all that keeps it.
    this.#stream.destroy()
  }

  /** The engine closes a stream in order when its last frame was given to the connection; but also with the connection. */
  get #hasSentAll(): boolean {
    const { rstCode, writableFinished } = this.#stream
    return writableFinished || (rstCode === NGHTTP2_NO_ERROR && !this.#host.isGone)
  }

  #closed(): void {
    const { exchange } = this.#admission
    const isWhole = this.#isReplied && this.#error === undefined && this.#hasSentAll
    const sentBytes = this.#replyBody?.bytes ?? this.#sentBytes
    this.#host.left(this, this.#reply === undefined && this.#error === undefined)
    if (this.#clientEnd !== undefined) return
    if (isWhole) {
      // Nothing more comes of the request; with an early reply it may not have been whole.
      if (this.#requestBody?.isComplete === false) this.#requestBody.breakOff(left())
      return exchange.end(this.#reply, sentBytes)
    }
    const error = this.#error ?? left()
    const told = ProxyError.is(error) ? error : left(error)
    this.#requestBody?.breakOff(told)
    exchange.abort(told)
    this.#replyBody?.giveUp(told)
    exchange.end(this.#reply, sentBytes, error)
  }
}

/**
 * The engine counts a stream for as long as its last write is under way, though the client has all of it by then, and may have
 * opened the next: which is refused where there are as many as there may be. So it is let go when its last frame is out,
 * which is when it ends; with an error that nobody sees, since without one Node makes its own.
 */
function letGoSoon(stream: ServerHttp2Stream): void {
  stream.once('end', () => stream.closed && stream.destroy(LET_GO))
}

const LET_GO = new Error('the stream is complete')

function left(cause?: Error): DownstreamError {
  return new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause })
}
