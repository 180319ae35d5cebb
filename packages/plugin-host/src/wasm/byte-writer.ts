/** Writes the primitives of the WebAssembly binary format into a buffer that grows, up to a limit. */
import { refuse } from './refuse-module.ts'

export class ByteWriter {
  #bytes: Uint8Array
  readonly #maxBytes: number
  /** How many bytes were written. */
  length = 0

  constructor(initialBytes: number, maxBytes: number) {
    this.#bytes = new Uint8Array(initialBytes)
    this.#maxBytes = maxBytes
  }

  u8(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1)
    this.#bytes[this.length++] = value
  }

  u32(value: number): void {
    let rest = value
    while (rest > 127) {
      this.u8((rest & 0x7f) | 0x80)
      rest = Math.floor(rest / 128)
    }
    this.u8(rest)
  }

  s32(value: number): void {
    let rest = value
    while (rest < -64 || rest > 63) {
      this.u8((rest & 0x7f) | 0x80)
      rest >>= 7
    }
    this.u8(rest & 0x7f)
  }

  bytes(source: Uint8Array, from = 0, to: number = source.length): void {
    const count = to - from
    if (count > this.#bytes.length - this.length) this.#grow(count)
    const target = this.#bytes
    // A handful of bytes is copied faster by hand than by a view that has to be made first.
    if (count < 32) for (let i = from, at = this.length; i < to; i++) target[at++] = source[i]!
    else target.set(source.subarray(from, to), this.length)
    this.length += count
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.u32(bytes.length)
    this.bytes(bytes)
  }

  /** Writes a length and as many bytes of `part`. */
  sized(part: ByteWriter): void {
    this.u32(part.length)
    this.append(part)
  }

  append(part: ByteWriter): void {
    this.bytes(part.#bytes, 0, part.length)
  }

  /** Begins anew, in the same buffer. */
  clear(): void {
    this.length = 0
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.length))
  }

  #grow(by: number): void {
    const needed = this.length + by
    if (needed > this.#maxBytes) refuse(`metered it would be longer than ${this.#maxBytes} bytes`)
    const grown = new Uint8Array(Math.max(needed, Math.min(this.#maxBytes, this.#bytes.length * 2)))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }
}
