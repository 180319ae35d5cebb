/**
 * One request of a connection, and the way its reply takes back. It ends once: in order, when both sides have; or by a reset of either
 * side's, and then nobody can take what there is for the whole.
 */
import { Body } from '../body.ts'
import { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'
import type { RequestObserver } from '../http1/incoming-request.ts'
import { MessageError } from '../http1/message-error.ts'
import {
  CANCEL,
  INTERNAL_ERROR,
  LARGEST_WINDOW_BYTES,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from './frame-types.ts'
import type { Http2ServerConnection } from './http2-server-connection.ts'
import { announcedLength, type Http2RequestHead } from './request-fields.ts'
import { StreamReader } from './stream-reader.ts'
import { StreamWriter } from './stream-writer.ts'

/** Learns what becomes of a stream; `ended` is the end of its reply. */
export interface Http2StreamObserver extends RequestObserver {
  /** The last call: nothing more comes or goes. */
  closed?(): void
}

const EXPECT = maskOf('expect')
const TRAILER = maskOf('trailer')
/** Nobody who means to take replies begins with less; where a client says nothing it is 65,535 (RFC 9113, section 6.9.2). */
const SMALL_WINDOW_BYTES = 1_024

export class Http2Stream {
  readonly id: number
  readonly head: Http2RequestHead
  readonly connection: Http2ServerConnection
  /** Set by whoever answers, before anything else. */
  observer: Http2StreamObserver | undefined = undefined
  /** What the client takes of the reply. */
  sendWindow: number
  /** The client has sent all that it will. */
  isRemoteEnded: boolean
  /** The reply was handed to the connection whole. */
  isLocalEnded = false
  isClosed = false
  /** Its request was handed over. */
  hasBegun = false
  hasReply = false
  readonly #reader: StreamReader | undefined
  #writer: StreamWriter | undefined = undefined
  #body: Body | undefined = undefined
  /** A tunnel's: its sides end by themselves. */
  #isTunnel = false
  #textBytes = 0
  #hasEnded = false
  // What `check` has seen of the writer, and since when.
  #seenSent = -1
  #seenAt = 0

  constructor(connection: Http2ServerConnection, id: number, head: Http2RequestHead, endsStream: boolean) {
    const { writer, clock } = connection
    this.connection = connection
    this.id = id
    this.head = head
    this.sendWindow = writer.client.initialWindowBytes
    this.isRemoteEnded = endsStream
    this.#reader = endsStream
      ? undefined
      : new StreamReader(this, announcedLength(head), expectsContinue(head), connection.newWindow(), clock.now())
  }

  /** Of the request; of a CONNECT, what comes through the tunnel. */
  get body(): Body {
    return (this.#body ??= this.#reader?.body() ?? Body.empty)
  }

  /** What has come behind the head. */
  get bytesReceived(): number {
    return this.#reader?.bytes ?? 0
  }

  /** Bytes of the reply's body that were sent. */
  get bytesSent(): number {
    return this.#writer?.bytes ?? this.#textBytes
  }

  /** Whether it is an extended CONNECT: what follows its head is no body. */
  get asksForTunnel(): boolean {
    return this.head.protocol !== undefined
  }

  /** Whether nobody waits for its reply any more. */
  get isGone(): boolean {
    return this.isClosed || this.connection.isOver
  }

  /** Its reply waits for the client to allow more, or would: it allows next to nothing. */
  get lacksWindow(): boolean {
    if (this.sendWindow >= SMALL_WINDOW_BYTES || this.isClosed) return false
    return !this.hasReply || this.#writer?.isWaiting === true
  }

  /** Sends a 1xx reply, unless the final one has begun. */
  informational(status: number, headers: HeaderList): void {
    if (!this.isGone && !this.hasReply) this.connection.writer.head(this.id, status, headers, false)
  }

  /** Sends the final reply. `Content-Length` in `headers` agrees with `body`, or `body` has no length and there is none. */
  respond(status: number, headers: HeaderList, body: Body): void {
    if (this.isGone || this.hasReply) return body.cancel()
    this.hasReply = true
    const { writer } = this.connection
    const mayHaveBody = this.head.method !== 'HEAD' && status !== 204 && status !== 304
    if (!mayHaveBody || body.isEmpty) {
      writer.head(this.id, status, headers, true)
      if (!mayHaveBody) body.cancel()
      return this.#replied()
    }
    const text = body.latin1
    // A small body that came as text leaves as text, in one piece with its head: no buffer, no flow.
    if (text !== undefined && writer.whole(this, status, headers, text)) {
      this.#textBytes = text.length
      return this.#replied()
    }
    writer.head(this.id, status, headers, false)
    const sendsTrailers = body.length === undefined || headers.hasAny(TRAILER)
    body.pipe((this.#writer = new StreamWriter(this, writer.scheduler, body.length, sendsTrailers)))
  }

  /** The same for what has no end of its own: the client's side stays open behind ours. */
  openTunnel(headers: HeaderList, body: Body): void {
    this.#isTunnel = true
    this.respond(200, headers, body)
  }

  /** Breaks it off. `cause` is what its observer hears. */
  reset(code: number = INTERNAL_ERROR, cause: Error | string = 'the stream was reset'): void {
    if (this.isClosed) return
    this.connection.writer.reset(this.id, code)
    this.abandon(cause)
  }

  // Called by its reader and its writer.

  sendContinue(): void {
    this.informational(100, new HeaderList())
  }

  /** Bytes of the request were taken: the client may send as many more. */
  took(bytes: number): void {
    const { connection } = this
    connection.took(bytes)
    if (this.isRemoteEnded || this.isClosed) return
    const more = this.#reader!.window.take(bytes)
    if (more > 0) connection.writer.openWindow(this.id, more)
  }

  /** Bytes of the request that nobody wants. */
  tookInVain(bytes: number): void {
    this.connection.took(bytes)
  }

  wantsToSend(writer: StreamWriter): void {
    this.connection.writer.ready(writer)
  }

  /** A clean end would make a truncated body look whole (RFC 9113, section 8.1). */
  broken(error: Error): void {
    this.reset(this.#isTunnel ? CANCEL : INTERNAL_ERROR, error)
  }

  bodySent(trailers: HeaderList | undefined): void {
    if (trailers !== undefined) this.connection.writer.trailers(this.id, trailers)
    this.#replied()
  }

  // Called by the connection.

  /** Bytes of the request's body. */
  receive(bytes: Buffer, from: number, to: number): void {
    if (this.#reader!.take(bytes, from, to)) return
    this.#misbehaved('the body is longer than was said')
  }

  /** The client's side ends. */
  receiveEnd(trailers: HeaderList | undefined): void {
    this.isRemoteEnded = true
    // Over HTTP/1.1 its FIN would say the same.
    if (this.asksForTunnel && !this.hasReply) {
      this.reset(CANCEL, 'the client has ended the tunnel')
      return this.connection.abuse.reset()
    }
    if (!this.#reader!.complete(trailers)) return this.#misbehaved('the body is shorter than was said')
    if (this.isLocalEnded) this.#close()
  }

  /** What the client may send of the request's body: `false` where it has sent more. */
  spend(bytes: number): boolean {
    return this.#reader!.window.spend(bytes)
  }

  /** The client takes more of the reply, or less; `false` where no window is so large. */
  widen(bytes: number): boolean {
    this.sendWindow += bytes
    if (bytes > 0 && this.#writer?.isWaiting === true) this.connection.writer.ready(this.#writer)
    return this.sendWindow <= LARGEST_WINDOW_BYTES
  }

  /** The whole reply is out, and the client still sends: it may stop (RFC 9113, section 8.1). */
  stopClient(): void {
    if (this.isClosed || this.isRemoteEnded) return
    this.connection.writer.reset(this.id, NO_ERROR)
    this.abandon('the rest of the body was not waited for')
  }

  /** Called now and then: times out what waits for the client. Says whether there was something to time out. */
  check(now: number): boolean {
    const { bodyIdleTimeoutMs, requestTimeoutMs, sendTimeoutMs } = this.connection.options
    if (this.#isTunnel && this.hasReply) return false
    const isLate = !this.isLocalEnded && this.#reader?.isLate(now, bodyIdleTimeoutMs, requestTimeoutMs) === true
    if (isLate) this.#bodyIsLate()
    // One that has not begun may wait for a window as well.
    const isWaiting = this.hasBegun ? this.#writer?.isWaiting === true : this.lacksWindow
    if (sendTimeoutMs === 0 || !isWaiting) {
      this.#seenSent = -1
      return isLate
    }
    const sent = this.#writer?.bytes ?? 0
    if (sent !== this.#seenSent) {
      this.#seenSent = sent
      this.#seenAt = now
    }
    if (now - this.#seenAt < sendTimeoutMs) return isLate
    this.reset(this.hasBegun ? INTERNAL_ERROR : REFUSED_STREAM, 'the client did not read')
    return true
  }

  #bodyIsLate(): void {
    const error = new MessageError('timeout', 'the body did not arrive in time')
    // Its own reply says so; one that was begun can't be taken back.
    if (this.hasReply) this.reset(INTERNAL_ERROR, error)
    else this.#reader!.breakOff(this.#translated(error))
  }

  /** It is over before its end: reset by the client, or with its connection. */
  abandon(cause: Error | string): void {
    if (this.isClosed) return
    this.isClosed = true
    this.connection.forget(this)
    // Taking an error's stack is not free: only where somebody gets it.
    if (!this.hasBegun) return this.#reader?.cancel()
    const error = this.#translated(typeof cause === 'string' ? new Error(cause) : cause)
    this.#reader?.breakOff(error)
    if (!this.#hasEnded) {
      this.observer?.aborted(error)
      this.#writer?.giveUp(error)
      this.#end(error)
    }
    this.observer?.closed?.()
  }

  #translated(cause: Error): Error {
    return this.observer?.translate(cause) ?? cause
  }

  #misbehaved(message: string): void {
    const { connection } = this
    this.reset(PROTOCOL_ERROR, new MessageError('malformed', message))
    connection.abuse.reset()
  }

  #replied(): void {
    this.isLocalEnded = true
    this.#end(undefined)
    if (this.isRemoteEnded) this.#close()
    else if (!this.#isTunnel) this.connection.linger(this)
  }

  #end(error: Error | undefined): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.observer?.ended(this.bytesSent, error)
  }

  #close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.connection.forget(this)
    this.#reader?.closed()
    this.observer?.closed?.()
  }
}

/** Whether the client waits for a 100 before it sends the body (RFC 9110, section 10.1.1). */
function expectsContinue({ headers }: Http2RequestHead): boolean {
  return headers.hasAny(EXPECT) && headers.get('expect')!.toLowerCase() === '100-continue'
}
