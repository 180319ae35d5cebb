/** Both ends of a body, which remember what the other end asked of them. */
import type { BodyFlow, BodySink, BodySource, HeaderList } from '../src/index.ts'

/** A source that a test drives by hand. */
export class ManualSource implements BodySource {
  sink: BodySink | undefined
  readonly asked: string[] = []
  cancelledWith: Error | undefined
  #onResume: (() => void) | undefined

  /** `onResume` is called for each `resume`, and for the start. */
  constructor(onResume?: () => void) {
    this.#onResume = onResume
  }

  start(sink: BodySink): void {
    this.asked.push('start')
    this.sink = sink
    this.#onResume?.()
  }

  resume(): void {
    this.asked.push('resume')
    this.#onResume?.()
  }

  cancel(error: Error): void {
    this.asked.push('cancel')
    this.cancelledWith = error
    this.#onResume = undefined
  }

  /** Says what the sink says. */
  write(text: string): boolean {
    return this.sink!.write(Buffer.from(text))
  }
}

/** A source that writes its chunks as long as they are wanted, all within `start` and `resume`. */
export class EagerSource implements BodySource {
  /** Whether it has written since it was told to wait. */
  overran = false
  written = 0
  cancelledWith: Error | undefined
  readonly #chunks: readonly string[]
  #sink: BodySink | undefined
  #trailers: HeaderList | undefined

  constructor(chunks: readonly string[], trailers?: HeaderList) {
    this.#chunks = chunks
    this.#trailers = trailers
  }

  start(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    if (this.cancelledWith !== undefined) return
    while (this.written < this.#chunks.length) {
      if (!this.#sink!.write(Buffer.from(this.#chunks[this.written++]!))) return
      if (this.cancelledWith !== undefined) return
    }
    if (this.written++ === this.#chunks.length) this.#sink!.end(this.#trailers)
  }

  cancel(error: Error): void {
    this.cancelledWith = error
  }
}

/** A sink that takes as much as it is told to. */
export class RecordingSink implements BodySink {
  flow: BodyFlow | undefined
  text = ''
  state: 'waiting' | 'open' | 'ended' | Error = 'waiting'
  trailers: HeaderList | undefined
  /** Bytes that it still takes before it asks to wait. */
  room: number

  constructor(room = Number.POSITIVE_INFINITY) {
    this.room = room
  }

  begin(flow: BodyFlow): void {
    if (this.state !== 'waiting') throw new Error('begun twice')
    this.flow = flow
    this.state = 'open'
  }

  write(chunk: Uint8Array): boolean {
    if (this.state !== 'open') throw new Error(`written to while ${String(this.state)}`)
    this.text += Buffer.from(chunk).toString()
    this.room -= chunk.byteLength
    return this.room > 0
  }

  end(trailers?: HeaderList): void {
    if (this.state !== 'open') throw new Error(`ended while ${String(this.state)}`)
    this.state = 'ended'
    this.trailers = trailers
  }

  abort(error: Error): void {
    if (this.state !== 'open') throw new Error(`aborted while ${String(this.state)}`)
    this.state = error
  }

  /** Makes room, and asks for more. */
  take(bytes = Number.POSITIVE_INFINITY): void {
    this.room = bytes
    this.flow!.resume()
  }
}
