/**
 * A body that comes in pieces of one size which have to be waited for: blocks of a file, chunks in Redis. A few are asked for ahead of the
 * reader, in order, and none while he is paused. One that can't be had, or is not what was written, breaks the body off: what was sent so far is
 * not the whole, and whoever gets it is told so.
 */
import { type BodySink, type BodySource, WireError } from '@sluice/wire'

/** Where the pieces come from. */
export interface PieceReader {
  /** All pieces are of this size but the last. */
  readonly pieceBytes: number
  /** One piece, checked. Rejects where it can't be had. */
  read(number: number): Promise<Buffer>
  /** No more will be read, and nothing is being read. */
  close?(): Promise<void>
}

/** So many are asked for before the first of them is written on: the next is on its way meanwhile. */
const AHEAD = 2

export class PieceSource implements BodySource {
  readonly #reader: PieceReader
  readonly #end: number
  /** Where in the body the next byte is. */
  #at: number
  /** The piece that is asked for next. */
  #asked: number
  readonly #coming: Promise<Buffer>[] = []
  #wake: (() => void) | undefined = undefined
  #isPaused = false
  #isOver = false

  constructor(reader: PieceReader, start: number, end: number) {
    this.#reader = reader
    this.#at = start
    this.#end = end
    this.#asked = Math.floor(start / reader.pieceBytes)
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
      await this.#copy(sink)
      if (this.#isOver) return
      this.#isOver = true
      sink.end()
    } catch (cause) {
      if (this.#isOver) return
      this.#isOver = true
      sink.abort(new WireError('ERR_SLUICE_BODY_ABORTED', 'a part of the stored body can not be had', { cause }))
    } finally {
      await this.#close()
    }
  }

  async #copy(sink: BodySink): Promise<void> {
    while (this.#at < this.#end && !this.#isOver) {
      this.#ask()
      const piece = await this.#coming.shift()!
      if (this.#isOver) return
      this.#write(sink, piece)
      if (this.#isPaused) await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #ask(): void {
    const { pieceBytes } = this.#reader
    while (this.#coming.length < AHEAD && this.#asked * pieceBytes < this.#end) {
      const piece = this.#reader.read(this.#asked++)
      // Nobody may come to wait for it.
      piece.catch(() => {})
      this.#coming.push(piece)
    }
  }

  #write(sink: BodySink, piece: Buffer): void {
    const { pieceBytes } = this.#reader
    const base = Math.floor(this.#at / pieceBytes) * pieceBytes
    const to = Math.min(pieceBytes, this.#end - base)
    if (piece.length < to) throw new Error('a piece is too short')
    const bytes = piece.subarray(this.#at - base, to)
    this.#at = base + to
    // Set before, since a sink may resume from within its `write`.
    this.#isPaused = true
    if (sink.write(bytes)) this.#isPaused = false
  }

  /** Behind what is still being read. */
  async #close(): Promise<void> {
    await Promise.allSettled(this.#coming)
    await this.#reader.close?.().catch(() => {})
  }
}
