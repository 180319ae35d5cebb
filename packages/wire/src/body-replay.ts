import type { BodyFlow, BodySink, BodySource } from './body-flow.ts'
/**
 * A body that can be read again: what flows through is kept, up to a bound; a later reader first gets what was kept and
 * then the rest. One reader at a time: a new one takes the place of the last, whose `resume` and `cancel` then count for
 * nothing.
 */
import type { Body } from './body.ts'
import { WireError } from './errors.ts'
import type { HeaderList } from './header-list.ts'

/** Remembers up to `maxBytes` of a body. */
export class ReplayBuffer implements BodySink {
  readonly #body: Body
  readonly #maxBytes: number
  #kept: Uint8Array[] = []
  #size = 0
  #reader: ReplayReader | undefined
  #flow: BodyFlow | undefined
  #outcome: 'flowing' | 'complete' | Error = 'flowing'
  #trailers: HeaderList | undefined

  constructor(body: Body, maxBytes: number) {
    this.#body = body
    this.#maxBytes = maxBytes
  }

  get canReplay(): boolean {
    // Before the first reader the body itself must still be there.
    if (this.#flow === undefined && this.#body.isUsed) return false
    return this.#size <= this.#maxBytes && !(this.#outcome instanceof Error)
  }

  /** The source that the next reader reads from. */
  newReader(): BodySource {
    return new ReplayReader(this)
  }

  startFor(reader: ReplayReader): void {
    this.#reader = reader
    if (this.#outcome instanceof Error) return reader.sink.abort(this.#outcome)
    if (this.#size > this.#maxBytes) {
      const message = `more than ${this.#maxBytes} bytes of this body have flowed: it can not be replayed`
      return reader.sink.abort(new WireError('ERR_SLUICE_BODY_USED', message))
    }
    let wantsMore = true
    for (const chunk of this.#kept) wantsMore = reader.sink.write(chunk)
    // The reader may have given up while it was written to.
    if (this.#reader !== reader) return
    if (this.#outcome === 'complete') reader.sink.end(this.#trailers)
    else if (this.#flow === undefined) this.#body.pipe(this)
    else if (wantsMore) this.#flow.resume()
  }

  resumeFor(reader: ReplayReader): void {
    if (reader === this.#reader) this.#flow?.resume()
  }

  /** The reader gives up. What can still be replayed waits for the next one; the rest is of no use to anybody. */
  cancelFor(reader: ReplayReader, error: Error): void {
    if (reader !== this.#reader) return
    this.#reader = undefined
    if (this.#outcome === 'flowing' && this.#size > this.#maxBytes) this.dispose(error)
  }

  /** Gives up the body for good, with whoever reads it at the moment. */
  dispose(error: Error): void {
    if (this.#outcome !== 'flowing') return
    this.#outcome = error
    this.#kept = []
    if (this.#flow === undefined) this.#body.cancel(error)
    else this.#flow.cancel(error)
    // A cancelled source makes no further call: without this a reader would wait for ever.
    this.#reader?.sink.abort(error)
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    this.#size += chunk.byteLength
    if (this.#size <= this.#maxBytes) this.#kept.push(chunk)
    else this.#kept = []
    // With nobody reading, the source waits: the next reader resumes it.
    return this.#reader?.sink.write(chunk) ?? false
  }

  end(trailers?: HeaderList): void {
    this.#outcome = 'complete'
    this.#trailers = trailers
    this.#reader?.sink.end(trailers)
  }

  abort(error: Error): void {
    this.#outcome = error
    this.#reader?.sink.abort(error)
  }
}

class ReplayReader implements BodySource {
  sink!: BodySink
  readonly #buffer: ReplayBuffer

  constructor(buffer: ReplayBuffer) {
    this.#buffer = buffer
  }

  start(sink: BodySink): void {
    this.sink = sink
    this.#buffer.startFor(this)
  }

  resume(): void {
    this.#buffer.resumeFor(this)
  }

  cancel(error: Error): void {
    this.#buffer.cancelFor(this, error)
  }
}
