/**
 * Bytes that arrive in chunks of any size, put together as they come, up to a bound. A list of chunks would take a hundred times as much where
 * they are of one byte each, and a chunk that is a piece of a large read would keep all of it.
 */
import { CHECK_BYTES, writeCheck } from './chunk-check.ts'

const FIRST_BYTES = 256

export class ByteGatherer {
  readonly #maxBytes: number
  /** With room for a checksum in front. */
  #buffer: Buffer | undefined = undefined
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get length(): number {
    return this.#length
  }

  /** Takes of `chunk`, from `at` on, as much as there is room for. Gives how much that is. */
  append(chunk: Uint8Array, at = 0): number {
    const count = Math.min(chunk.byteLength - at, this.#maxBytes - this.#length)
    const buffer = this.#withRoom(this.#length + count)
    buffer.set(count === chunk.byteLength ? chunk : chunk.subarray(at, at + count), CHECK_BYTES + this.#length)
    this.#length += count
    return count
  }

  /** What has come, for who goes on with it elsewhere. */
  content(): Buffer {
    return this.#withRoom(this.#length).subarray(CHECK_BYTES, CHECK_BYTES + this.#length)
  }

  /** The same behind its checksum. Not to be changed from now on, or it does not fit any more: see {@link clear}. */
  sealed(): Buffer {
    const whole = this.#withRoom(this.#length).subarray(0, CHECK_BYTES + this.#length)
    writeCheck(whole)
    return whole
  }

  /** Begins anew, with memory of its own. */
  clear(): void {
    this.#buffer = undefined
    this.#length = 0
  }

  #withRoom(length: number): Buffer {
    const room = this.#buffer === undefined ? 0 : this.#buffer.length - CHECK_BYTES
    if (this.#buffer !== undefined && length <= room) return this.#buffer
    const size = Math.min(this.#maxBytes, Math.max(length, room * 2, FIRST_BYTES))
    const buffer = Buffer.allocUnsafeSlow(CHECK_BYTES + size)
    if (this.#buffer !== undefined) buffer.set(this.#buffer.subarray(0, CHECK_BYTES + this.#length))
    return (this.#buffer = buffer)
  }
}
