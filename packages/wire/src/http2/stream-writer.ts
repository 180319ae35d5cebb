/** The body of a reply on its way into a stream: pieces wait here for their turn and for the windows, in as few frames as they fit. */
import { type BodyFlow, type BodySink, NO_FLOW } from '../body-flow.ts'
import { WireError } from '../errors.ts'
import type { HeaderList } from '../header-list.ts'
import { sendableTrailers } from '../http1/serialize.ts'
import { frameHead } from './frame-text.ts'
import { DATA, END_STREAM, NO_FLAGS } from './frame-types.ts'
import type { Http2Stream } from './http2-stream.ts'
import type { SendScheduler } from './send-scheduler.ts'
import type { TurnOutput } from './turn-output.ts'

/** Beyond this the source waits; from there on it goes on. */
const HIGH_BYTES = 65_536
const LOW_BYTES = 16_384
const UNKNOWN = -1

export class StreamWriter implements BodySink {
  /** Of the scheduler: whether it waits for its turn. */
  isReady = false
  /** What was sent. */
  bytes = 0
  readonly #stream: Http2Stream
  readonly #scheduler: SendScheduler
  readonly #sendsTrailers: boolean
  /** Bytes that have still to come, where that is known. */
  #toCome: number
  #flow: BodyFlow = NO_FLOW
  #chunks: Uint8Array[] = []
  /** What of the first one was sent. */
  #offset = 0
  #queued = 0
  #trailers: HeaderList | undefined = undefined
  /** The source waits. */
  #isFull = false
  /** All has come. */
  #isEnded = false
  /** Nothing more is taken. */
  #isDone = false

  constructor(stream: Http2Stream, scheduler: SendScheduler, length: number | undefined, sendsTrailers: boolean) {
    this.#stream = stream
    this.#scheduler = scheduler
    this.#toCome = length ?? UNKNOWN
    this.#sendsTrailers = sendsTrailers
  }

  /** Whether something waits for the client, or for the rest of the connection. */
  get isWaiting(): boolean {
    return this.#queued > 0
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    const { byteLength } = chunk
    if (this.#isDone || this.#isEnded || byteLength === 0) return true
    if (this.#toCome !== UNKNOWN && (this.#toCome -= byteLength) < 0) return this.#breakAgreement()
    this.#chunks.push(chunk)
    this.#queued += byteLength
    this.#scheduler.queuedBytes += byteLength
    this.#stream.wantsToSend(this)
    // Where the client takes nothing anyhow, less has to wait.
    if (this.#queued < (this.#stream.sendWindow > 0 ? HIGH_BYTES : LOW_BYTES)) return true
    this.#isFull = true
    return false
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone || this.#isEnded) return
    if (this.#toCome > 0) return void this.#breakAgreement()
    this.#isEnded = true
    if (this.#sendsTrailers && trailers !== undefined) this.#trailers = notEmpty(sendableTrailers(trailers))
    this.#stream.wantsToSend(this)
  }

  abort(error: Error): void {
    if (this.#isDone) return
    this.#drop()
    this.#stream.broken(error)
  }

  /** Nobody takes it any more. */
  giveUp(error: Error): void {
    if (this.#isDone) return
    this.#drop()
    if (!this.#isEnded) this.#flow.cancel(error)
  }

  /** Called by the scheduler: at most one frame, of at most so many bytes. Says how many it was. */
  send(output: TurnOutput, room: number): number {
    const stream = this.#stream
    if (this.#isDone) {
      this.isReady = false
      return 0
    }
    // An end needs no window, which may also be less than nothing (RFC 9113, section 6.9.2).
    const size = Math.max(0, Math.min(room, stream.sendWindow, this.#queued))
    if (size === 0 && this.#queued > 0) {
      // Without a window of its own it is not its turn before the client opens one.
      if (stream.sendWindow <= 0) this.isReady = false
      return 0
    }
    const isLast = this.#isEnded && size === this.#queued
    if (size > 0 || (isLast && this.#trailers === undefined)) {
      const flags = isLast && this.#trailers === undefined ? END_STREAM : NO_FLAGS
      output.text(frameHead(size, DATA, flags, stream.id))
      this.#take(output, size)
      stream.sendWindow -= size
    }
    if (this.#queued === 0) this.isReady = false
    if (isLast) this.#sent()
    else if (this.#isFull && this.#queued <= LOW_BYTES) {
      this.#isFull = false
      this.#scheduler.drained(this)
    }
    return size
  }

  /** Has the source go on. Nothing that it throws gets any further. */
  resume(): void {
    if (this.#isDone || this.#isEnded) return
    try {
      this.#flow.resume()
    } catch (error) {
      this.abort(error as Error)
    }
  }

  #take(output: TurnOutput, size: number): void {
    this.#queued -= size
    this.bytes += size
    for (let left = size; left > 0;) {
      const chunk = this.#chunks[0]!
      const from = this.#offset
      const count = Math.min(left, chunk.byteLength - from)
      output.chunk(count === chunk.byteLength ? chunk : chunk.subarray(from, from + count))
      left -= count
      this.#offset += count
      if (this.#offset < chunk.byteLength) return
      this.#chunks.shift()
      this.#offset = 0
    }
  }

  #sent(): void {
    this.#isDone = true
    this.#stream.bodySent(this.#trailers)
  }

  #drop(): void {
    this.#isDone = true
    this.#chunks = []
    this.#scheduler.queuedBytes -= this.#queued
    this.#queued = 0
  }

  /** One byte more or less than was said would make of the reply something else than it is. */
  #breakAgreement(): true {
    const error = new WireError('ERR_SLUICE_BODY_ABORTED', 'the body is not as long as was announced')
    this.#flow.cancel(error)
    this.abort(error)
    return true
  }
}

function notEmpty(trailers: HeaderList): HeaderList | undefined {
  return trailers.size === 0 ? undefined : trailers
}
