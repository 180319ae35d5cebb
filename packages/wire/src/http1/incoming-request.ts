import type { BodySink, BodySource } from '../body-flow.ts'
/**
 * One request on a connection, and the way its reply takes back: in one object the source of the request's body and the
 * sink of the reply's, so that a request costs one allocation here.
 */
import { Body } from '../body.ts'
import type { HeaderList } from '../header-list.ts'
import { CHUNKED } from './framing.ts'
import { ReplyEncoder } from './reply-encoder.ts'
import type { RequestHead } from './request-head.ts'
import type { ServerConnection } from './server-connection.ts'

/** Learns what becomes of a request. */
export interface RequestObserver {
  /** What went wrong in the observer's own words: what the reader of the body gets. */
  translate(cause: Error): Error
  /** The client is gone, or broke the protocol: nobody waits for the reply any more. */
  aborted(error: Error): void
  /** The last call: the reply was handed to the connection whole, or why not. */
  ended(bodyBytes: number, error: Error | undefined): void
}

/** What is read ahead of a body that nobody reads yet. */
const MAX_UNREAD_BYTES = 65_536

export class IncomingRequest implements BodySource {
  readonly head: RequestHead
  readonly connection: ServerConnection
  readonly body: Body
  /** Set by whoever answers, before anything else. */
  observer: RequestObserver | undefined = undefined
  #sink: BodySink | undefined = undefined
  #unread: Buffer[] = []
  #unreadBytes = 0
  #trailers: HeaderList | undefined = undefined
  #outcome: 'flowing' | 'complete' | 'unwanted' | Error = 'flowing'
  #owesContinue: boolean
  #encoder: ReplyEncoder | undefined = undefined
  #hasEnded = false

  constructor(connection: ServerConnection, head: RequestHead, expectsContinue: boolean) {
    this.connection = connection
    this.head = head
    this.#owesContinue = expectsContinue
    if (head.framing === 0) {
      this.#outcome = 'complete'
      this.body = Body.empty
    } else this.body = Body.from(this, head.framing === CHUNKED ? undefined : head.framing)
  }

  /** Whether the whole request has arrived. */
  get isComplete(): boolean {
    return this.#outcome === 'complete'
  }

  /** Whether the client waits for a 100 before it sends the body. */
  get owesContinue(): boolean {
    return this.#owesContinue
  }

  /** Whether somebody wants what is still to come of the body, and the client has no reason to wait. */
  get awaitsBody(): boolean {
    return this.#outcome === 'flowing' && !this.#owesContinue
  }

  get hasReply(): boolean {
    return this.#encoder !== undefined
  }

  /** Sends a 1xx reply, unless the final one has begun or the client would not understand it. */
  informational(status: number, headers: HeaderList): void {
    if (!this.hasReply && this.head.httpVersion !== '1.0') this.connection.writeHead(status, headers)
  }

  /** Sends the final reply. `Content-Length` in `headers` agrees with `body`, or `body` has no length and there is none. */
  respond(status: number, headers: HeaderList, body: Body, close: boolean): void {
    if (!this.isComplete) return this.connection.whenRead(() => this.#respond(status, headers, body, close))
    this.#respond(status, headers, body, close)
  }

  #respond(status: number, headers: HeaderList, body: Body, close: boolean): void {
    if (this.#hasEnded || this.hasReply) return body.cancel()
    const encoder = new ReplyEncoder(this, status, headers, body, close)
    this.#encoder = encoder
    encoder.start()
    // A client that writes all before it reads would never get to the reply.
    if (this.#outcome === 'unwanted') this.connection.resumeReading()
  }

  // The request's body, read.

  start(sink: BodySink): void {
    if (this.#outcome instanceof Error) return sink.abort(this.#outcome)
    if (this.#outcome === 'unwanted') return sink.abort(new Error('the request was answered before its body was read'))
    this.#sink = sink
    if (this.#owesContinue && !this.hasReply) {
      this.#owesContinue = false
      this.connection.writeContinue()
    }
    const unread = this.#unread
    this.#unread = []
    let wantsMore = true
    for (const chunk of unread) wantsMore = sink.write(chunk)
    if (this.#sink !== sink) return
    if (this.#outcome === 'complete') this.#endSink()
    else if (wantsMore) this.connection.resumeReading()
  }

  resume(): void {
    if (this.#outcome === 'flowing') this.connection.resumeReading()
  }

  cancel(_error?: Error): void {
    this.#sink = undefined
    this.#unread = []
    // What the client still sends stays with the kernel until the reply is out; then it is drained within bounds.
    if (this.#outcome === 'flowing') this.#outcome = 'unwanted'
  }

  // Called by the connection.

  /** Takes bytes of the body, a view. `false` asks to stop reading. */
  take(bytes: Buffer, from: number, to: number): boolean {
    if (this.#outcome === 'unwanted') return this.hasReply
    const chunk = Buffer.allocUnsafe(to - from)
    bytes.copy(chunk, 0, from, to)
    if (this.#sink !== undefined) return this.#sink.write(chunk)
    this.#unread.push(chunk)
    this.#unreadBytes += chunk.byteLength
    return this.#unreadBytes < MAX_UNREAD_BYTES
  }

  complete(trailers: HeaderList | undefined): void {
    this.#trailers = trailers
    this.#outcome = 'complete'
    this.#owesContinue = false
    if (this.#sink !== undefined) this.#endSink()
  }

  /** The reply is out: what nobody has begun to read is dropped. */
  ignoreUnread(): void {
    if (this.#outcome === 'flowing' && this.#sink === undefined) this.cancel()
  }

  /** The rest of the request will not come. */
  breakOff(cause: Error): void {
    if (this.#outcome === 'complete') return
    const error = this.observer?.translate(cause) ?? cause
    this.#outcome = error
    const sink = this.#sink
    this.#sink = undefined
    sink?.abort(error)
  }

  /** The connection is gone. */
  abort(cause: Error): void {
    this.breakOff(cause)
    if (this.#hasEnded) return
    const error = this.observer?.translate(cause) ?? cause
    this.observer?.aborted(error)
    this.#encoder?.giveUp(error)
    this.end(this.#encoder?.bodyBytes ?? 0, error)
  }

  drained(): void {
    this.#encoder?.drained()
  }

  end(bodyBytes: number, error: Error | undefined): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.observer?.ended(bodyBytes, error)
  }

  #endSink(): void {
    const sink: BodySink = this.#sink!
    this.#sink = undefined
    sink.end(this.#trailers)
  }
}
