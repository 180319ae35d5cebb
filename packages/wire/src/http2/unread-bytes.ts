/**
 * Bytes of a body that nobody has read yet. A client may send them one at a time, each in a frame of its own, and an object for each byte
 * is a hundred times what its window allows: so small ones that have to wait share a piece.
 */

/** What a piece is made for, where what it is made of is smaller. */
const PIECE_BYTES = 4_096
/** So many are kept as they came: few are few, and mostly there is one. */
const LOOSE_PIECES = 8

export class UnreadBytes {
  #pieces: Buffer[] = []
  /** What the last piece lies in, and how much of that is used. `undefined` where it has no room. */
  #shared: Buffer | undefined = undefined
  #used = 0

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  get pieces(): number {
    return this.#pieces.length
  }

  /** Adds a copy of them. */
  add(bytes: Buffer, from: number, to: number): void {
    const pieces = this.#pieces
    const length = to - from
    const shared = this.#shared
    if (shared !== undefined && this.#used + length <= PIECE_BYTES) {
      bytes.copy(shared, this.#used, from, to)
      this.#used += length
      pieces[pieces.length - 1] = shared.subarray(0, this.#used)
      return
    }
    if (pieces.length < LOOSE_PIECES || length >= PIECE_BYTES) {
      this.#shared = undefined
      pieces.push(copyOf(bytes, from, to))
      return
    }
    this.#shared = Buffer.allocUnsafeSlow(PIECE_BYTES)
    this.#used = bytes.copy(this.#shared, 0, from, to)
    pieces.push(this.#shared.subarray(0, this.#used))
  }

  /** The first piece, which is not written to any more. There must be one. */
  take(): Buffer {
    const piece = this.#pieces.shift()!
    if (this.#pieces.length === 0) this.#shared = undefined
    return piece
  }

  /** Forgets all of them; says how many bytes they were. */
  clear(): number {
    let bytes = 0
    for (const piece of this.#pieces) bytes += piece.byteLength
    this.#pieces = []
    this.#shared = undefined
    return bytes
  }
}

export function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from)
  bytes.copy(copy, 0, from, to)
  return copy
}
