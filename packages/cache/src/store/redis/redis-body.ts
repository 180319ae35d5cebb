/**
 * A body that is fetched from Redis in chunks, a few ahead of the reader. One that is missing or is not what was written breaks the body
 * off: what was sent so far is not the whole, and whoever gets it is told so.
 */
import { type BodySink, type BodySource, WireError } from '@sluice/wire'

/** Where its chunks come from. */
export interface ChunkReader {
  readonly chunkBytes: number
  /** One chunk, checked. Rejects where it can't be had. */
  read(number: number): Promise<Buffer>
}

/** So many are asked for before the first of them is written on. */
const AHEAD = 2

export class ChunkedSource implements BodySource {
  readonly #reader: ChunkReader
  readonly #end: number
  /** Where in the body the next byte is. */
  #at: number
  /** The chunk that is asked for next. */
  #asked: number
  readonly #coming: Promise<Buffer>[] = []
  #wake: (() => void) | undefined = undefined
  #isPaused = false
  #isOver = false

  constructor(reader: ChunkReader, start: number, end: number) {
    this.#reader = reader
    this.#at = start
    this.#end = end
    this.#asked = Math.floor(start / reader.chunkBytes)
  }

  start(sink: BodySink): void {
    void this.#flow(sink)
  }

  resume(): void {
    this.#isPaused = false
    this.#wake?.()
    this.#wake = undefined
  }

  cancel(): void {
    this.#isOver = true
    this.resume()
  }

  async #flow(sink: BodySink): Promise<void> {
    try {
      while (this.#at < this.#end && !this.#isOver) {
        this.#ask()
        const chunk = await this.#coming.shift()!
        if (this.#isOver) return
        this.#write(sink, chunk)
        if (this.#isPaused) await new Promise<void>((resolve) => (this.#wake = resolve))
      }
      if (this.#isOver) return
      this.#isOver = true
      sink.end()
    } catch (cause) {
      if (this.#isOver) return
      this.#isOver = true
      sink.abort(new WireError('ERR_SLUICE_BODY_ABORTED', 'a part of the stored body can not be had', { cause }))
    }
  }

  #ask(): void {
    const { chunkBytes } = this.#reader
    while (this.#coming.length < AHEAD && this.#asked * chunkBytes < this.#end) {
      const chunk = this.#reader.read(this.#asked++)
      // Nobody may come to wait for it.
      chunk.catch(() => {})
      this.#coming.push(chunk)
    }
  }

  #write(sink: BodySink, chunk: Buffer): void {
    const { chunkBytes } = this.#reader
    const base = Math.floor(this.#at / chunkBytes) * chunkBytes
    const to = Math.min(chunk.length, this.#end - base)
    const bytes = chunk.subarray(this.#at - base, to)
    if (base + to < Math.min(base + chunkBytes, this.#end)) throw new Error('a chunk is too short')
    this.#at = base + to
    // Set before, since a sink may resume from within its `write`.
    this.#isPaused = true
    if (sink.write(bytes)) this.#isPaused = false
  }
}
