/** The client's end of a tunnel that runs in a stream (RFC 8441, section 5): the request's body is what comes, and the reply's what goes. */
import { Body, type BodyFlow, type BodySink, type Http2Stream, NO_FLOW } from '@sluice/wire'
import type { TunnelEnd, TunnelReader } from '../tunnel/tunnel-end.ts'

const NO_ERROR = 0
const CANCEL = 8

export class StreamTunnelEnd implements TunnelEnd {
  /** What is written here. */
  readonly outgoing: Body
  readonly #stream: Http2Stream
  #reader: TunnelReader | undefined = undefined
  #flow: BodyFlow = NO_FLOW
  #sink: BodySink | undefined = undefined
  #flushed: (() => void) | undefined = undefined
  #isEnded = false
  #isClosed = false

  constructor(stream: Http2Stream) {
    this.#stream = stream
    this.outgoing = Body.from({
      start: (sink) => void (this.#sink = sink),
      resume: () => this.#reader?.drained(),
      cancel() {},
    })
  }

  open(reader: TunnelReader): void {
    this.#reader = reader
    if (this.#isClosed) return process.nextTick(() => reader.closed(undefined))
    this.#stream.body.pipe({
      begin: (flow) => void (this.#flow = flow),
      write: (chunk) => reader.bytes(chunk as Buffer),
      end: () => reader.ended(),
      // Its end is told by `closed`.
      abort() {},
    })
  }

  write(chunk: Buffer): boolean {
    return this.#isEnded || this.#isClosed || this.#sink!.write(chunk)
  }

  resume(): void {
    this.#flow.resume()
  }

  end(flushed?: () => void): void {
    if (this.#isEnded || this.#isClosed) return flushed?.()
    this.#isEnded = true
    this.#flushed = flushed
    this.#sink!.end()
  }

  reset(): void {
    // Where TCP has a reset, HTTP/2 has this one (RFC 8441, section 5).
    this.#stream.reset(CANCEL)
  }

  destroy(): void {
    this.#stream.reset(this.#stream.isLocalEnded ? NO_ERROR : CANCEL)
  }

  /** The last byte was handed over, or nothing more will be. */
  sent(): void {
    this.#flushed?.()
    this.#flushed = undefined
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#reader?.closed(undefined)
  }
}
