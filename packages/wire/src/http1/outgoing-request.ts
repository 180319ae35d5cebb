import { type BodyFlow, type BodySink, type BodySource, NO_FLOW } from '../body-flow.ts'
/**
 * One request to a target and its reply: the sink of the request's body and the source of the reply's, in one object. What
 * of a reply is there before anybody reads it is kept up to a bound; a small one is complete before its head is looked at.
 */
import { Body } from '../body.ts'
import type { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'
import { ChunkedDecoder } from './chunked-decoder.ts'
import type { ClientConnection } from './client-connection.ts'
import { hasOption } from './connection-options.ts'
import { CHUNKED, replyFraming, UNTIL_CLOSE } from './framing.ts'
import { latin1 } from './latin1.ts'
import { parseReplyHead } from './reply-head.ts'
import { fieldLines, serializeRequestHead } from './serialize.ts'

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
  readonly headTimeoutMs: number
  readonly bodyIdleTimeoutMs: number
}

/**
 * How a request can fail: the connection was `closed` by the target, what it sent is `malformed`, no head came in time
 * (`head-timeout`), the body fell silent (`body-idle`).
 */
export type RequestFailure = 'closed' | 'malformed' | 'head-timeout' | 'body-idle'

/** Learns what becomes of a request. */
export interface ReplyObserver {
  informational(status: number, headers: HeaderList): void
  reply(status: number, headers: HeaderList, body: Body): void
  /** The target has switched protocols; `head` is what has come behind its reply. */
  upgraded(status: number, headers: HeaderList, connection: ClientConnection, head: Buffer): void
  /** A failure in the observer's own words: what the reader of the reply's body gets, and `done`. */
  translate(failure: RequestFailure, cause: Error | undefined): Error
  /** The same for a reader that gave the body up. */
  given(cause: Error): Error
  /** The last call, once: complete, or what went wrong. */
  done(error: Error | undefined): void
}

const CONNECTION = maskOf('connection')
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
  #isSending = true
  #isSent = false
  // The reply on its way in.
  #sink: BodySink | undefined = undefined
  #hasHead = false
  #left = 0
  #decoder: ChunkedDecoder | undefined = undefined
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
      upgrade === undefined ? framing : `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`,
    )
    connection.deadline.arm(headTimeoutMs)
    if (body.isEmpty) {
      this.#isSent = true
      this.#isSending = false
      return this.#flush()
    }
    body.pipe(this)
    this.#isSending = false
    this.#flush()
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#outcome !== 'pending' || chunk.byteLength === 0) return true
    const { headTimeoutMs } = this.#message
    if (!this.#hasHead) this.#connection.deadline.arm(headTimeoutMs)
    const before = this.#isChunked ? `${chunk.byteLength.toString(16)}\r\n` : ''
    const after = this.#isChunked ? '\r\n' : ''
    if (this.#isSending && this.#text.length + chunk.byteLength <= MAX_TEXT_BYTES) {
      this.#text += before + latin1(chunk) + after
      return true
    }
    const text = this.#text + before
    this.#text = ''
    return this.#connection.writeParts(text, chunk, after)
  }

  end(trailers?: HeaderList): void {
    if (this.#isSent || this.#outcome instanceof Error) return
    this.#isSent = true
    if (this.#isChunked) this.#text += trailers === undefined ? '0\r\n\r\n' : `0\r\n${fieldLines(trailers)}\r\n`
    if (!this.#isSending) this.#flush()
  }

  /** The client's body broke off: the target must not take what it has for the whole. */
  abort(error: Error): void {
    if (this.#outcome !== 'pending' || this.#isSent) return
    this.#settle(error)
    this.#connection.abandon('cancelled')
    this.#observer.done(this.#observer.translate('closed', error))
  }

  drained(): void {
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
        at = behind
        if (this.#readHead(bytes, at, to)) return to
      }
    }
    return at
  }

  /** Says whether the connection has become a tunnel. */
  #readHead(bytes: Buffer, at: number, to: number): boolean {
    const { heads, limits, deadline } = this.#connection
    const { status, httpVersion, headers } = parseReplyHead(heads.text, heads.end, limits)
    if (status === 101) return this.#switchProtocols(headers, Buffer.from(bytes.subarray(at, to)))
    if (status < 200) {
      if (status !== 100) this.#observer.informational(status, headers)
      return false
    }
    this.#left = replyFraming(status, this.#message.method, headers)
    this.#isReusable = this.#left !== UNTIL_CLOSE && persists(headers, httpVersion)
    this.#hasHead = true
    if (this.#left === CHUNKED) this.#decoder = new ChunkedDecoder(limits)
    if (this.#left === 0) {
      this.#observer.reply(status, headers, Body.empty)
      if (this.#outcome === 'pending') this.#complete(undefined, at === to)
      return false
    }
    deadline.arm(this.#message.bodyIdleTimeoutMs)
    this.#observer.reply(status, headers, Body.from(this, this.#left > 0 ? this.#left : undefined))
    return false
  }

  #switchProtocols(headers: HeaderList, head: Buffer): boolean {
    if (this.#message.upgrade === undefined) throw new Error('a 101 that nobody asked for')
    this.#outcome = 'complete'
    this.#observer.upgraded(101, headers, this.#connection, head)
    return true
  }

  #readBody(bytes: Buffer, at: number, to: number): number {
    this.#connection.deadline.arm(this.#message.bodyIdleTimeoutMs)
    if (this.#left === CHUNKED) return this.#readChunks(this.#decoder!, bytes, at, to)
    const end = this.#left === UNTIL_CLOSE ? to : Math.min(to, at + this.#left)
    if (this.#left !== UNTIL_CLOSE) this.#left -= end - at
    this.#take(bytes, at, end)
    if (this.#left === 0 && this.#outcome === 'pending') this.#complete(undefined, end === to)
    return end
  }

  #readChunks(decoder: ChunkedDecoder, bytes: Buffer, at: number, to: number): number {
    const end = decoder.decode(bytes, at, to, (chunk, from, until) => this.#take(chunk, from, until))
    if (decoder.isDone && this.#outcome === 'pending') this.#complete(decoder.trailers, end === to)
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

  /** As a body's source, and as an attempt: the rest is not wanted. */
  cancel(error: Error): void {
    this.#sink = undefined
    this.#unread = []
    if (this.#outcome !== 'pending') return
    const reason = this.#observer.given(error)
    this.#settle(reason)
    this.#connection.abandon('cancelled')
    this.#observer.done(reason)
  }

  // What the connection reports.

  /** The target will send nothing more. */
  ended(): void {
    if (this.#outcome !== 'pending') return
    if (this.#hasHead && this.#left === UNTIL_CLOSE) this.#complete(undefined, true)
    else this.failed(undefined, 'closed')
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
    this.#trailers = trailers
    this.#outcome = 'complete'
    // A target that answers before it has the whole request has lost track of where the next one begins.
    const isReusable = this.#isReusable && this.#isSent && isAllRead
    if (!this.#isSent) this.#flow.cancel(new Error('the target has answered before the whole request was sent'))
    // Freed first, so that what the end of the body sets off finds this connection, which is warm.
    this.#connection.finished(isReusable)
    if (this.#sink !== undefined) this.#endSink()
    this.#observer.done(undefined)
  }

  #endSink(): void {
    const sink = this.#sink!
    this.#sink = undefined
    sink.end(this.#trailers)
  }
}

function persists(headers: HeaderList, httpVersion: '1.0' | '1.1'): boolean {
  if (!headers.hasAny(CONNECTION)) return httpVersion === '1.1'
  const options = headers.get('connection')!.toLowerCase()
  if (hasOption(options, 'close')) return false
  return httpVersion === '1.1' || hasOption(options, 'keep-alive')
}
