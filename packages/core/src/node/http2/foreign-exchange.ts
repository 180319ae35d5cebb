/**
 * Ties an exchange to a stream of Node's engine: 1xx replies, the reply with its body and trailers, and the end of it all. It never
 * throws into the engine; whatever goes wrong resets the stream, so that the client can't take what it has for complete.
 */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { type HeaderList, maskOf } from '@sluice/wire'
import type { Admission } from '../../entrance/entrance.ts'
import { DownstreamError, ProxyError } from '../../errors.ts'
import type { Downstream } from '../../exchange-init.ts'
import { frameReply } from '../../reply-framing.ts'
import type { Reply } from '../../reply.ts'
import { Http2ReplyBody, type ReplyBodyOwner } from './reply-body.ts'
import { dropConnectionFields, fieldsByName, replyFields } from './reply-fields.ts'
import { Http2RequestBody } from './request-body.ts'
import { respondRaw, WITH_BODY, WITHOUT_BODY } from './respond-raw.ts'

const { NGHTTP2_NO_ERROR } = constants

/** What an exchange's connection is to it. */
export interface ForeignHost {
  /** The value of `Date`. */
  readonly date: string
  /** Whether connections are closed behind what they are doing. */
  readonly isClosing: boolean
  /** Whether the connection has ended, in order or not. */
  readonly isGone: boolean
  /** Takes nothing new on the connection; what is under way goes on. */
  retire(): void
}

const TRAILER = maskOf('trailer')

export class ForeignExchange implements Downstream, ReplyBodyOwner {
  readonly #stream: ServerHttp2Stream
  readonly #host: ForeignHost
  #admission!: Admission
  #requestBody: Http2RequestBody | undefined = undefined
  #reply: Reply | undefined = undefined
  /** The way of its body, where that flows. */
  #replyBody: Http2ReplyBody | undefined = undefined
  #sentBytes = 0
  /** The whole reply was handed to the stream. */
  #isReplied = false
  #error: Error | undefined = undefined

  constructor(stream: ServerHttp2Stream, host: ForeignHost) {
    this.#stream = stream
    this.#host = host
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

  /** The client has left in the meantime. */
  #discard(reply: Reply): void {
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

function left(cause?: Error): DownstreamError {
  return new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause })
}
