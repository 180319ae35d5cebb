import type { BodySink, BodySource } from '../body-flow.ts'
/**
 * The body of a request, as it comes in a stream. Flow control is backpressure: the client may send more as what it has sent is taken, so
 * what waits here is bounded by the stream's window (RFC 9113, section 5.2).
 */
import { Body } from '../body.ts'
import type { HeaderList } from '../header-list.ts'
import type { Http2Stream } from './http2-stream.ts'
import { ReceiveWindow } from './receive-window.ts'

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
  #unread: Buffer[] = []
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
    windowBytes: number,
    now: number,
  ) {
    this.#stream = stream
    this.#length = length
    this.#toCome = length ?? UNKNOWN
    this.#owesContinue = owesContinue
    this.#beganAt = now
    this.window = new ReceiveWindow(windowBytes)
  }

  /** One whose length was said, and that has come before anybody could read it, is in memory. */
  body(): Body {
    const [only, more] = this.#unread
    const isAtHand = this.#outcome === 'complete' && this.#length !== undefined && this.#trailers === undefined
    if (!isAtHand || only === undefined || more !== undefined) return Body.from(this, this.#length)
    this.#unread = []
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
    if (this.#toCome !== UNKNOWN && (this.#toCome -= length) < 0) return false
    if (this.#outcome !== 'flowing') {
      this.#stream.tookInVain(length)
      return true
    }
    const chunk = Buffer.allocUnsafe(length)
    bytes.copy(chunk, 0, from, to)
    if (this.#sink === undefined || this.#isPaused || this.#unread.length > 0) this.#unread.push(chunk)
    else this.#give(this.#sink, chunk)
    return true
  }

  /** All has come. `false` where it is less than was said. */
  complete(trailers: HeaderList | undefined): boolean {
    if (this.#toCome > 0) return false
    if (this.#outcome !== 'flowing') return true
    this.#trailers = trailers
    this.#outcome = 'complete'
    if (this.#sink !== undefined && this.#unread.length === 0 && !this.#isPaused) this.#endSink()
    return true
  }

  /** The rest does not come, or is not waited for. What has come and was not read goes as well. */
  breakOff(error: Error): void {
    if (this.#outcome instanceof Error) return
    // Read to its end.
    if (this.#outcome === 'complete' && this.#sink === undefined && this.#unread.length === 0) return
    this.#outcome = error
    this.#forget()
    const sink = this.#sink
    this.#sink = undefined
    sink?.abort(error)
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
    if (sink.write(chunk) || this.#sink !== sink) return this.#stream.took(chunk.byteLength)
    this.#isPaused = true
    this.#owed += chunk.byteLength
  }

  #deliver(): void {
    while (this.#unread.length > 0) {
      const sink = this.#sink
      if (sink === undefined || this.#isPaused) return
      this.#give(sink, this.#unread.shift()!)
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
    let bytes = this.#owed
    for (const chunk of this.#unread) bytes += chunk.byteLength
    this.#unread = []
    this.#owed = 0
    if (bytes > 0) this.#stream.tookInVain(bytes)
  }
}
