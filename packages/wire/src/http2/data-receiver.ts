/** DATA as it comes in, within the connection's window: for whoever takes it, or for nobody (RFC 9113, sections 5.2 and 6.1). */
import type { AbuseCounter } from './abuse.ts'
import { END_STREAM, FLOW_CONTROL_ERROR, STREAM_CLOSED } from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'
import type { Http2Stream } from './http2-stream.ts'
import { paddingStart } from './padding.ts'
import { ReceiveWindow } from './receive-window.ts'

export interface DataOwner {
  readonly abuse: AbuseCounter
  /** The stream, unless it is over. @throws {Http2Fault} where nobody has opened it */
  streamOf(id: number): Http2Stream | undefined
  /** Content of a stream that is over. @throws {Http2Fault} where its client has said before that this was all */
  stray(id: number): void
  /** The client may send so many more bytes on all streams together. */
  openWindow(bytes: number): void
  /** Whoever reads the body has thrown. */
  failed(error: unknown, stream: Http2Stream): void
}

export class DataReceiver {
  readonly #owner: DataOwner
  readonly #window: ReceiveWindow
  /** Where somebody takes what comes. */
  #stream: Http2Stream | undefined = undefined
  #endsStream = false

  constructor(windowBytes: number, owner: DataOwner) {
    this.#owner = owner
    this.#window = new ReceiveWindow(windowBytes)
  }

  /** Bytes were taken, or dropped. */
  took(bytes: number): void {
    const more = this.#window.take(bytes)
    if (more > 0) this.#owner.openWindow(more)
  }

  begin(flags: number, id: number, length: number): void {
    this.#endsStream = (flags & END_STREAM) !== 0
    this.#stream = this.#receiver(id, length)
    if (length === 0 && !this.#endsStream) this.#owner.abuse.control()
  }

  bytes(bytes: Buffer, from: number, to: number): void {
    const stream = this.#stream
    if (stream === undefined || stream.isClosed) {
      this.took(to - from)
      return this.#owner.abuse.stray(to - from)
    }
    try {
      stream.receive(bytes, from, to)
    } catch (error) {
      this.#owner.failed(error, stream)
    }
  }

  end(): void {
    const stream = this.#stream
    this.#stream = undefined
    if (stream === undefined || stream.isClosed || !this.#endsStream) return
    try {
      stream.receiveEnd(undefined)
    } catch (error) {
      this.#owner.failed(error, stream)
    }
  }

  /** A whole frame with padding, which counts as content to windows, and is none. */
  padded(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const end = paddingStart(bytes, from, to)
    const padding = to - end + 1
    this.begin(flags, id, to - from)
    this.#owner.abuse.overhead(padding)
    const stream = this.#stream
    if (end === from + 1 && !this.#endsStream) this.#owner.abuse.control()
    if (end > from + 1) this.bytes(bytes, from + 1, end)
    if (stream === undefined || stream.isClosed) this.took(padding)
    else stream.took(padding)
    this.end()
  }

  #receiver(id: number, length: number): Http2Stream | undefined {
    if (!this.#window.spend(length)) throw new Http2Fault(FLOW_CONTROL_ERROR, 'more than the connection takes')
    const stream = this.#owner.streamOf(id)
    if (stream === undefined) {
      this.#owner.stray(id)
      return undefined
    }
    const isEnded = stream.isRemoteEnded
    if (!isEnded && stream.spend(length)) return stream
    stream.reset(isEnded ? STREAM_CLOSED : FLOW_CONTROL_ERROR)
    this.#owner.abuse.reset()
    return undefined
  }
}
