/**
 * A body that several read while it comes, and that is stored meanwhile. What has come is kept for those who come later or read slowly:
 * as long as it may be stored, all of it, so that nobody holds anybody up. Once it is not to be stored after all, because it is too large
 * or the store has gone, nobody may join any more, and what is kept is a window behind the slowest reader; a reader who holds up
 * others beyond it for too long is cut off.
 */
import {
  Body,
  type BodyFlow,
  type BodySink,
  type BodySource,
  type Clock,
  type HeaderList,
  NO_FLOW,
  WireError,
} from '@sluice/wire'
import type { ScheduledCall } from '@sluice/wire'
import { sharedTrailers } from '../policy/stored-fields.ts'

/** How a shared body is told of what becomes of it. */
export interface SharedBodyOwner {
  readonly clock: Clock
  /** More than this is not stored. */
  readonly maxBytes: number
  /** Takes a piece for the store; `false` where it will not be kept. */
  keep(chunk: Uint8Array): boolean
  /** It will not be kept, and nobody may join. */
  dropped(): void
  /** It is over: whole, or not. Called once. */
  ended(error: Error | undefined, trailers: HeaderList | undefined): void
}

/** What may wait for the slowest reader of a body that is not stored. */
const WINDOW_BYTES = 262_144
/** How long such a reader may hold up others. */
const MAX_HOLD_MS = 10_000
/** So many chunks below so many bytes become one: each takes some hundred bytes beside its own. */
const JOINED = 64
const SMALL_BYTES = 512

export class SharedBody implements BodySink {
  readonly #owner: SharedBodyOwner
  readonly #length: number | undefined
  readonly #readers = new Set<Reader>()
  #chunks: Uint8Array[] = []
  /** Number of the first chunk that is kept. */
  #first = 0
  #keptBytes = 0
  /** How many of the last chunks are small. */
  #small = 0
  #bytes = 0
  #flow: BodyFlow = NO_FLOW
  #isKept = true
  #isPaused = false
  #isOver = false
  #error: Error | undefined = undefined
  #trailers: HeaderList | undefined = undefined
  #holdTimer: ScheduledCall | undefined = undefined

  constructor(length: number | undefined, owner: SharedBodyOwner) {
    this.#length = length
    this.#owner = owner
  }

  /** Whether one more could read it from its first byte. */
  get isOpen(): boolean {
    return this.#isKept && this.#error === undefined
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The whole of it, for one more reader. */
  newBody(): Body {
    const reader = new Reader(this)
    this.#readers.add(reader)
    return Body.from(reader, this.#length)
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver || chunk.byteLength === 0) return true
    this.#bytes += chunk.byteLength
    if (this.#isKept && (this.#bytes > this.#owner.maxBytes || !this.#owner.keep(chunk))) {
      this.#isKept = false
      this.#owner.dropped()
    }
    this.#chunks.push(chunk)
    this.#keptBytes += chunk.byteLength
    for (const reader of this.#readers) reader.pump()
    if (chunk.byteLength >= SMALL_BYTES) this.#small = 0
    else if (++this.#small === JOINED) this.#join()
    this.#trim()
    return !this.#isPaused
  }

  end(trailers?: HeaderList): void {
    this.#finish(undefined, trailers === undefined ? undefined : sharedTrailers(trailers))
  }

  abort(error: Error): void {
    this.#finish(error, undefined)
  }

  /** Gives it up, with all who read it. */
  cancel(error: Error): void {
    if (this.#isOver) return
    this.#flow.cancel(error)
    this.#finish(error, undefined)
  }

  // Called by readers. Chunks are numbered from the first that came.

  chunk(number: number): Uint8Array | undefined {
    return this.#chunks[number - this.#first]
  }

  finishReader(reader: Reader, sink: BodySink): void {
    this.#readers.delete(reader)
    if (this.#error === undefined) sink.end(this.#trailers)
    else sink.abort(this.#error)
  }

  progressed(): void {
    this.#trim()
  }

  left(reader: Reader, error: Error): void {
    if (!this.#readers.delete(reader) || this.#isOver) return
    // With nobody to read it, and no store to keep it, the rest is of no use.
    if (this.#readers.size === 0 && !this.#isKept) this.cancel(error)
    else this.#trim()
  }

  #finish(error: Error | undefined, trailers: HeaderList | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    this.#trailers = trailers
    this.#holdTimer?.cancel()
    for (const reader of this.#readers) reader.pump()
    this.#owner.ended(error, trailers)
  }

  /** Makes one chunk of the last ones, unless somebody reads right there. */
  #join(): void {
    const at = this.#chunks.length - JOINED
    const from = this.#first + at
    this.#small = 0
    // Some of them have been read by all, and are gone.
    if (at < 0) return
    for (const { next } of this.#readers) if (next > from && next < from + JOINED) return
    const whole = Buffer.concat(this.#chunks.splice(at))
    this.#chunks.push(whole)
    for (const reader of this.#readers) if (reader.next > from) reader.next -= JOINED - 1
    // It goes on growing until it is a chunk worth the name.
    if (whole.byteLength < SMALL_BYTES) this.#small = 1
  }

  /** Of a body that is not stored, forgets what all have read, and holds the source up where that is too little. */
  #trim(): void {
    if (this.#isKept) return
    let slowest = this.#first + this.#chunks.length
    for (const reader of this.#readers) slowest = Math.min(slowest, reader.next)
    for (const chunk of this.#chunks.splice(0, slowest - this.#first)) this.#keptBytes -= chunk.byteLength
    this.#first = slowest
    const mustPause = this.#keptBytes > WINDOW_BYTES
    if (mustPause === this.#isPaused || this.#isOver) return
    this.#isPaused = mustPause
    this.#holdTimer?.cancel()
    this.#holdTimer = undefined
    if (!mustPause) this.#flow.resume()
    else if (this.#readers.size > 1) this.#holdTimer = this.#owner.clock.schedule(MAX_HOLD_MS, () => this.#cutOff())
  }

  #cutOff(): void {
    const newest = this.#first + this.#chunks.length
    const waits = [...this.#readers].filter((reader) => reader.next < newest)
    if (waits.length === this.#readers.size) return
    for (const reader of waits) {
      this.#readers.delete(reader)
      reader.cutOff(new WireError('ERR_SLUICE_BODY_ABORTED', 'others could not wait for this reader any longer'))
    }
    this.#trim()
  }
}

/** One reader's place in a shared body. */
class Reader implements BodySource {
  readonly #body: SharedBody
  #sink: BodySink | undefined = undefined
  #isPaused = false
  #isPumping = false
  #isDone = false
  next = 0

  constructor(body: SharedBody) {
    this.#body = body
  }

  start(sink: BodySink): void {
    this.#sink = sink
    this.pump()
    this.#body.progressed()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.pump()
    this.#body.progressed()
  }

  cancel(error: Error): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#body.left(this, error)
  }

  cutOff(error: Error): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#sink?.abort(error)
  }

  pump(): void {
    // A sink may resume, or leave, while it is written to.
    if (this.#sink === undefined || this.#isPumping || this.#isDone) return
    this.#isPumping = true
    for (let chunk; !this.#isPaused && !this.#isDone && (chunk = this.#body.chunk(this.next)) !== undefined;) {
      this.next++
      if (!this.#sink.write(chunk)) this.#isPaused = true
    }
    this.#isPumping = false
    if (this.#isDone || !this.#body.isOver || this.#body.chunk(this.next) !== undefined) return
    this.#isDone = true
    this.#body.finishReader(this, this.#sink)
  }
}
