/** A body that is in memory, or a range of it, from one piece or several. */
import type { BodySink, BodySource } from '@sluice/wire'

export class ByteSource implements BodySource {
  readonly #pieces: readonly Uint8Array[]
  /** The piece that is next, and where the range begins in it. */
  #index = 0
  #from: number
  #left: number
  #sink: BodySink | undefined = undefined
  #isWriting = false
  #isResumed = false
  #isOver = false

  constructor(pieces: readonly Uint8Array[], start: number, end: number) {
    this.#pieces = pieces
    this.#from = start
    this.#left = end - start
    while (this.#index < pieces.length && this.#from >= pieces[this.#index]!.byteLength)
      this.#from -= pieces[this.#index++]!.byteLength
  }

  start(sink: BodySink): void {
    this.#sink = sink
    this.#write(sink)
  }

  resume(): void {
    // A sink may call this from within its `write`.
    if (this.#isWriting) this.#isResumed = true
    else if (this.#sink !== undefined) this.#write(this.#sink)
  }

  cancel(): void {
    this.#isOver = true
  }

  #write(sink: BodySink): void {
    this.#isWriting = true
    let goesOn = true
    while (goesOn && !this.#isOver && this.#left > 0) {
      this.#isResumed = false
      goesOn = sink.write(this.#next()) || this.#isResumed
    }
    this.#isWriting = false
    if (this.#isOver || this.#left > 0) return
    this.#isOver = true
    sink.end()
  }

  #next(): Uint8Array {
    const piece = this.#pieces[this.#index++]!
    const end = Math.min(piece.byteLength, this.#from + this.#left)
    const chunk = this.#from === 0 && end === piece.byteLength ? piece : piece.subarray(this.#from, end)
    this.#from = 0
    this.#left -= chunk.byteLength
    return chunk
  }
}
