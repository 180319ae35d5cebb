/**
 * The body of a request, as it comes in a stream. Flow control is backpressure: the client may send more as what it has sent is taken, so
 * what waits here is bounded by the stream's window (RFC 9113, section 5.2).
 */
import type { BodySink, BodySource } from '../body-flow.ts'
import { Body } from '../body.ts'
import type { HeaderList } from '../header-list.ts'
import type { Http2Stream } from './http2-stream.ts'
import type { ReceiveWindow } from './receive-window.ts'
import { copyOf, UnreadBytes } from './unread-bytes.ts'

const UNKNOWN = -1

export class StreamReader implements BodySource {
  readonly window: ReceiveWindow
  /** Bytes that have come. */
  bytes = 0
  readonly #stream: Http2Stream
  readonly #length: number | undefined
  /** What has still to come, where that was said. */
  #toCome: number
  #sink: BodySink | undefined = undefined
  readonly #unread = new UnreadBytes()
  #trailers: HeaderList | undefined = undefined
  #outcome: 'flowing' | 'complete' | 'unwanted' | Error = 'flowing'
  #isPaused = false
  /** Bytes that the sink has taken and asked to wait after: the client hears of them when it goes on. */
  #owed = 0
  /** The client waits for a 100. */
  #owesContinue: boolean
  // What `isLate` has seen, and since when.
  #seenBytes = -1
  #seenAt = 0
  #beganAt: number

  constructor(
    stream: Http2Stream,
    length: number | undefined,
    owesContinue: boolean,
    window: ReceiveWindow,
    now: number,
  ) {
    this.#stream = stream
    this.#length = length
    this.#toCome = length ?? UNKNOWN
    this.#owesContinue = owesContinue
    this.#beganAt = now
    this.window = window
  }

  /** One whose length was said, and that has come before anybody could read it, is in memory. */
  body(): Body {
    const isAtHand = this.#outcome === 'complete' && this.#length !== undefined && this.#trailers === undefined
    if (!isAtHand || this.#unread.pieces !== 1) return Body.from(this, this.#length)
    const only = this.#unread.take()
    this.#stream.took(only.byteLength)
    return Body.of(only)
  }

  /** Whether all of it has come. */
  get isComplete(): boolean {
    return this.#outcome === 'complete'
  }

  // Read by whoever wants it.

  start(sink: BodySink): void {
    if (this.#outcome instanceof Error) return sink.abort(this.#outcome)
    if (this.#outcome === 'unwanted') return sink.abort(new Error('the request was answered before its body was read'))
    this.#sink = sink
    if (this.#owesContinue && this.#outcome === 'flowing') this.#stream.sendContinue()
    this.#owesContinue = false
    this.#seenBytes = -1
    this.#deliver()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#seenBytes = -1
    const owed = this.#owed
    this.#owed = 0
    this.#stream.took(owed)
    this.#deliver()
  }

  /** What the client still sends stays within its window. */
  cancel(_error?: Error): void {
    this.#sink = undefined
    this.#forget()
    if (this.#outcome === 'flowing') this.#outcome = 'unwanted'
  }

  // Called by the stream.

  /** Takes bytes, a view. `false` where they are more than was said. */
  take(bytes: Buffer, from: number, to: number): boolean {
    const length = to - from
    this.bytes += length
    const isTooMuch = this.#toCome !== UNKNOWN && (this.#toCome -= length) < 0
    if (isTooMuch || this.#outcome !== 'flowing') this.#stream.tookInVain(length)
    else if (this.#sink === undefined || this.#isPaused || !this.#unread.isEmpty) this.#unread.add(bytes, from, to)
    else this.#give(this.#sink, copyOf(bytes, from, to))
    return !isTooMuch
  }

  /** All has come. `false` where it is less than was said. */
  complete(trailers: HeaderList | undefined): boolean {
    if (this.#toCome > 0) return false
    if (this.#outcome !== 'flowing') return true
    this.#trailers = trailers
    this.#outcome = 'complete'
    if (this.#sink !== undefined && this.#unread.isEmpty && !this.#isPaused) this.#endSink()
    return true
  }

  /** The rest does not come, or is not waited for. What has come and was not read goes as well. */
  breakOff(error: Error): void {
    if (this.#outcome instanceof Error) return
    // Read to its end.
    if (this.#outcome === 'complete' && this.#sink === undefined && this.#unread.isEmpty) return
    this.#outcome = error
    this.#forget()
    const sink = this.#sink
    this.#sink = undefined
    sink?.abort(error)
  }

  /** Both sides are over: what nobody has begun to read is not kept, and others may send as much. */
  closed(): void {
    if (this.#sink !== undefined || this.#unread.isEmpty) return
    this.#outcome = 'unwanted'
    this.#forget()
  }

  /** Whether the client has been silent for too long, or takes too long for all of it. */
  isLate(now: number, idleTimeoutMs: number, requestTimeoutMs: number): boolean {
    if (this.#outcome !== 'flowing' || this.#sink === undefined || this.#isPaused) {
      this.#seenBytes = -1
      return false
    }
    if (this.bytes !== this.#seenBytes) {
      this.#seenBytes = this.bytes
      this.#seenAt = now
    }
    if (idleTimeoutMs > 0 && now - this.#seenAt >= idleTimeoutMs) return true
    return requestTimeoutMs > 0 && now - this.#beganAt >= requestTimeoutMs
  }

  #give(sink: BodySink, chunk: Buffer): void {
    const { byteLength } = chunk
    // Owed from before, since whoever gives up within the call, or throws, has what is owed given back.
    this.#owed += byteLength
    if (!sink.write(chunk)) {
      if (this.#sink === sink) this.#isPaused = true
      return
    }
    if (this.#sink !== sink) return
    this.#owed -= byteLength
    this.#stream.took(byteLength)
  }

  #deliver(): void {
    while (!this.#unread.isEmpty) {
      const sink = this.#sink
      if (sink === undefined || this.#isPaused) return
      this.#give(sink, this.#unread.take())
    }
    if (this.#outcome === 'complete' && this.#sink !== undefined && !this.#isPaused) this.#endSink()
  }

  #endSink(): void {
    const sink = this.#sink!
    this.#sink = undefined
    sink.end(this.#trailers)
  }

  /** What nobody reads any more; the connection's window is for the others. */
  #forget(): void {
    const bytes = this.#owed + this.#unread.clear()
    this.#owed = 0
    if (bytes > 0) this.#stream.tookInVain(bytes)
  }
}
