/**
 * One request to a target and its reply: the sink of the request's body and the source of the reply's, in one object. What
 * of a reply is there before anybody reads it is kept up to a bound; a small one is complete before its head is looked at.
 */
import { type BodyFlow, type BodySink, type BodySource, NO_FLOW } from '../body-flow.ts'
import { Body } from '../body.ts'
import { WireError } from '../errors.ts'
import type { HeaderList } from '../header-list.ts'
import { BodyReader } from './body-reader.ts'
import type { ClientConnection } from './client-connection.ts'
import { asksToPersist } from './connection-options.ts'
import { replyFraming, UNTIL_CLOSE } from './framing.ts'
import { InterimBound } from './interim-bound.ts'
import { latin1, latin1Slice } from './latin1.ts'
import { MessageError } from './message-error.ts'
import { parseReplyHead } from './reply-head.ts'
import { lastChunk, serializeRequestHead } from './serialize.ts'

/** What is sent. */
export interface RequestMessage {
  readonly method: string
  /** In origin form. */
  readonly path: string
  /** All fields, framing fields in agreement with `body`: `Content-Length` where its length is known, else none. */
  readonly headers: HeaderList
  readonly body: Body
  /** The protocol to switch to, or `undefined`. */
  readonly upgrade: string | undefined
  /** Longest wait for the reply's head once the request is sent. 0 for none. */
  readonly headTimeoutMs: number
  /** Longest silence within the reply's body. 0 for none. */
  readonly bodyIdleTimeoutMs: number
}

/**
 * How a request can fail: the connection was `closed` by the target before a byte of the reply (or within its body), or
 * `cut-short` within its head; something on our side threw (`internal`); what the target sent is `malformed`, no head came in time
 * (`head-timeout`), the body fell silent (`body-idle`).
 */
export type RequestFailure = 'closed' | 'cut-short' | 'malformed' | 'head-timeout' | 'body-idle' | 'internal'

/** Learns what becomes of a request. */
export interface ReplyObserver {
  informational(status: number, headers: HeaderList): void
  /** The head. `isWhole`: all of it is here, and the connection is free again. */
  reply(status: number, headers: HeaderList, body: Body, isWhole: boolean): void
  /** The target has switched protocols; `head` is what has come behind its reply. */
  upgraded(status: number, headers: HeaderList, connection: ClientConnection, head: Buffer): void
  /** A failure in the observer's own words: what the reader of the reply's body gets, and `done`. */
  translate(failure: RequestFailure, cause: Error | undefined): Error
  /** The same for what stands on the client's side: a reader that gave up, a request body that broke off. */
  given(cause: Error): Error
  /** The last call, once: complete, or what went wrong. */
  done(error: Error | undefined): void
}

const UNKNOWN = -1
const MAX_TEXT_BYTES = 8_192
const MAX_UNREAD_BYTES = 65_536

export class OutgoingRequest implements BodySink, BodySource {
  readonly #message: RequestMessage
  readonly #observer: ReplyObserver
  #connection!: ClientConnection
  // The request on its way out.
  #flow: BodyFlow = NO_FLOW
  #text = ''
  #isChunked = false
  /** Bytes that the body has still to give, where that is known: a small integer, which costs no allocation. */
  #toSend = 0
  #isSending = true
  #isSent = false
  // The reply on its way in.
  #sink: BodySink | undefined = undefined
  #hasHead = false
  /** From the first interim reply on. */
  #interims: InterimBound | undefined = undefined
  #body: BodyReader | undefined = undefined
  #isReusable = true
  #unread: Buffer[] = []
  #unreadBytes = 0
  #trailers: HeaderList | undefined = undefined
  #outcome: 'pending' | 'complete' | Error = 'pending'

  constructor(message: RequestMessage, observer: ReplyObserver) {
    this.#message = message
    this.#observer = observer
  }

  // The request, written.

  sendOn(connection: ClientConnection): void {
    const { method, path, headers, body, upgrade, headTimeoutMs } = this.#message
    this.#connection = connection
    this.#isChunked = body.length === undefined
    const framing = this.#isChunked ? 'Transfer-Encoding: chunked\r\n' : ''
    this.#text = serializeRequestHead(
      method,
      path,
      headers,
      upgrade === undefined ? framing : `${framing}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`,
    )
    if (body.isEmpty) {
      connection.deadline.arm(headTimeoutMs)
      this.#isSent = true
      this.#isSending = false
      return this.#flush()
    }
    this.#toSend = body.length ?? UNKNOWN
    try {
      body.pipe(this)
    } catch (error) {
      return this.failed(error as Error, 'internal')
    }
    this.#isSending = false
    this.#flush()
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#outcome !== 'pending' || chunk.byteLength === 0) return true
    // One byte too many would be the next request's first (CWE-444), whoever's mistake it is.
    if (this.#toSend !== UNKNOWN && (this.#toSend -= chunk.byteLength) < 0) return this.#breakAgreement()
    const before = this.#isChunked ? `${chunk.byteLength.toString(16)}\r\n` : ''
    const after = this.#isChunked ? '\r\n' : ''
    if (this.#isSending && this.#text.length + chunk.byteLength <= MAX_TEXT_BYTES) {
      this.#text += before + latin1(chunk) + after
      return true
    }
    const text = this.#text + before
    this.#text = ''
    const hasRoom = this.#connection.writeParts(text, chunk, after)
    this.#awaitTarget(!hasRoom)
    return hasRoom
  }

  /**
   * The deadline is the target's. It runs while the target has to take what waits for it, or to answer; not while whoever
   * sends the body takes his time.
   */
  #awaitTarget(isItsTurn: boolean): void {
    const { headTimeoutMs, bodyIdleTimeoutMs } = this.#message
    const { deadline, isPaused } = this.#connection
    if (this.#hasHead) {
      if (!isPaused) deadline.arm(bodyIdleTimeoutMs)
    } else if (isItsTurn) deadline.arm(headTimeoutMs)
    else deadline.clear()
  }

  #breakAgreement(): boolean {
    const error = new WireError('ERR_SLUICE_BODY_ABORTED', 'the body is not as long as was announced')
    this.failed(error, 'internal')
    return true
  }

  end(trailers?: HeaderList): void {
    if (this.#isSent || this.#outcome instanceof Error) return
    if (this.#toSend > 0) return void this.#breakAgreement()
    this.#isSent = true
    this.#awaitTarget(true)
    if (this.#isChunked) this.#text += lastChunk(trailers)
    if (!this.#isSending) this.#flush()
  }

  /** The client's body broke off: the target must not take what it has for the whole. */
  abort(error: Error): void {
    if (this.#outcome !== 'pending' || this.#isSent) return
    this.breakOff(this.#observer.given(error))
  }

  drained(): void {
    if (this.#outcome !== 'pending') return
    this.#awaitTarget(this.#isSent)
    this.#flow.resume()
  }

  #flush(): void {
    if (this.#text === '') return
    const text = this.#text
    this.#text = ''
    this.#connection.writeText(text)
  }

  // The reply, read.

  /** Takes bytes; returns the place behind the reply, or the end. */
  read(bytes: Buffer, from: number, to: number): number {
    let at = from
    while (at < to && this.#outcome === 'pending') {
      if (this.#hasHead) at = this.#readBody(bytes, at, to)
      else {
        const behind = this.#connection.heads.read(bytes, at, to)
        if (behind < 0) return to
        at = this.#readHead(bytes, behind, to)
      }
    }
    return at
  }

  /** Returns the place behind what it took: the head, and a small body that is there whole. */
  #readHead(bytes: Buffer, at: number, to: number): number {
    const { heads, limits, deadline } = this.#connection
    const { status, httpVersion, headers } = parseReplyHead(heads.text, heads.end, limits)
    if (status === 101) {
      this.#switchProtocols(headers, Buffer.from(bytes.subarray(at, to)))
      return to
    }
    const framing = replyFraming(status, this.#message.method, headers, httpVersion === '1.0')
    const isWhole = framing >= 0 && framing <= MAX_TEXT_BYTES && framing <= to - at
    const wholeText = isWhole ? (heads.textBehind(framing) ?? latin1Slice(bytes, at, at + framing)) : undefined
    // An idle connection does not keep its last head.
    heads.text = ''
    if (status < 200) {
      const interims = (this.#interims ??= new InterimBound())
      if (!interims.take(heads.end)) throw new MessageError('malformed', 'there is no end to the interim replies')
      if (status !== 100) this.#observer.informational(status, headers)
      return at
    }
    this.#isReusable = framing !== UNTIL_CLOSE && asksToPersist(headers, httpVersion)
    this.#hasHead = true
    if (wholeText !== undefined) {
      this.#replyWhole(status, headers, wholeText, at + framing === to)
      return at + framing
    }
    this.#body = new BodyReader(framing, limits)
    deadline.arm(this.#message.bodyIdleTimeoutMs)
    this.#observer.reply(status, headers, Body.from(this, framing > 0 ? framing : undefined), false)
    return at
  }

  /** A small reply that is all here: its body stays text, as which it leaves again, without a buffer, a source and a sink. */
  #replyWhole(status: number, headers: HeaderList, text: string, isAllRead: boolean): void {
    this.#finish(undefined, isAllRead)
    let failure: Error | undefined
    try {
      this.#observer.reply(status, headers, Body.ofLatin1(text), true)
    } catch (error) {
      failure = this.#observer.translate('internal', error instanceof Error ? error : new Error(String(error)))
    }
    this.#observer.done(failure)
  }

  #switchProtocols(headers: HeaderList, head: Buffer): void {
    if (this.#message.upgrade === undefined)
      throw new MessageError('malformed', 'a switch of protocols that nobody asked for')
    this.#outcome = 'complete'
    this.#observer.upgraded(101, headers, this.#connection, head)
  }

  #readBody(bytes: Buffer, at: number, to: number): number {
    this.#connection.deadline.arm(this.#message.bodyIdleTimeoutMs)
    const body = this.#body!
    const end = body.read(bytes, at, to, (chunk, from, until) => this.#take(chunk, from, until))
    if (body.isDone && this.#outcome === 'pending') this.#complete(body.trailers, end === to)
    return end
  }

  #take(bytes: Buffer, from: number, to: number): void {
    if (this.#outcome !== 'pending') return
    const chunk = Buffer.allocUnsafe(to - from)
    bytes.copy(chunk, 0, from, to)
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) this.#pause()
      return
    }
    this.#unread.push(chunk)
    this.#unreadBytes += chunk.byteLength
    if (this.#unreadBytes >= MAX_UNREAD_BYTES) this.#pause()
  }

  /** The reader is there. */
  start(sink: BodySink): void {
    if (this.#outcome instanceof Error) return sink.abort(this.#outcome)
    this.#sink = sink
    const unread = this.#unread
    this.#unread = []
    let wantsMore = true
    for (const chunk of unread) wantsMore = sink.write(chunk)
    if (this.#sink !== sink) return
    if (this.#outcome === 'complete') this.#endSink()
    else if (wantsMore) this.resume()
  }

  resume(): void {
    if (this.#outcome !== 'pending') return
    this.#connection.deadline.arm(this.#message.bodyIdleTimeoutMs)
    this.#connection.resume()
  }

  /** The reader gives the reply's body up, and is told nothing more. */
  cancel(error: Error): void {
    this.#sink = undefined
    this.breakOff(this.#observer.given(error))
  }

  /** Someone else gives the request up: whoever reads the reply's body is told. */
  breakOff(error: Error): void {
    if (this.#outcome !== 'pending') return
    const sink = this.#sink
    this.#settle(error)
    this.#connection.abandon('cancelled')
    sink?.abort(error)
    this.#observer.done(error)
  }

  // What the connection reports.

  /** Whether the end of the connection is the end of the reply that is under way. */
  get isUntilClose(): boolean {
    return this.#body?.isUntilClose === true
  }

  /** The target will send nothing more. */
  ended(): void {
    if (this.#outcome !== 'pending') return
    if (this.isUntilClose) this.#complete(undefined, true)
    else this.lost(undefined)
  }

  /** The connection is gone. */
  lost(error: Error | undefined): void {
    this.failed(error, this.#interims !== undefined || this.#connection.heads.isPartial ? 'cut-short' : 'closed')
  }

  expired(): void {
    this.failed(undefined, this.#hasHead ? 'body-idle' : 'head-timeout')
  }

  failed(error: Error | undefined, failure: RequestFailure): void {
    if (this.#outcome !== 'pending') return
    const sink = this.#sink
    const reason = this.#observer.translate(failure, error)
    this.#settle(reason)
    this.#connection.abandon('error')
    sink?.abort(reason)
    this.#observer.done(reason)
  }

  #pause(): void {
    // A reader that takes its time is not a target that is silent.
    this.#connection.deadline.clear()
    this.#connection.pause()
  }

  #settle(error: Error): void {
    this.#outcome = error
    this.#unread = []
    this.#sink = undefined
    this.#flow.cancel(error)
  }

  #complete(trailers: HeaderList | undefined, isAllRead: boolean): void {
    this.#finish(trailers, isAllRead)
    try {
      if (this.#sink !== undefined) this.#endSink()
    } finally {
      this.#observer.done(undefined)
    }
  }

  /** The whole reply is here: frees the connection. */
  #finish(trailers: HeaderList | undefined, isAllRead: boolean): void {
    this.#trailers = trailers
    this.#outcome = 'complete'
    // A target that answers before it has the whole request has lost track of where the next one begins.
    const isReusable = this.#isReusable && this.#isSent && isAllRead
    if (!this.#isSent) this.#flow.cancel(new Error('the target has answered before the whole request was sent'))
    // Freed first, so that what the end of the body sets off finds this connection, which is warm.
    this.#connection.finished(isReusable)
  }

  #endSink(): void {
    const sink = this.#sink!
    this.#sink = undefined
    try {
      sink.end(this.#trailers)
    } catch (error) {
      // A reader that could not make an end of it must not leave the next one waiting.
      sink.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
