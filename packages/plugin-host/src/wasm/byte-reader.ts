/**
 * Reads the primitives of the WebAssembly binary format (core specification, section 5.2): bytes, LEB128 integers within
 * their bounds, names in UTF-8. It never reads past its end, and says at which byte it stopped.
 */
import { refuse } from './refuse-module.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class ByteReader {
  readonly bytes: Uint8Array
  /** The next byte. */
  at: number
  /** Behind the last byte that may be read. */
  end: number

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get isDone(): boolean {
    return this.at >= this.end
  }

  u8(): number {
    if (this.at >= this.end) refuse('it ends too early', this.at)
    return this.bytes[this.at++]!
  }

  u32(): number {
    const { bytes } = this
    // Nearly all indices are below 128.
    if (this.at < this.end) {
      const first = bytes[this.at]!
      if (first < 128) {
        this.at++
        return first
      }
    }
    const start = this.at
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8()
      if (shift === 28 && byte > 0x0f) refuse('an integer has more than 32 bits', start)
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 128) return value
    }
    return refuse('an integer is longer than 5 bytes', start)
  }

  /** Steps over a signed integer of at most `bits` bits; the engine has checked its value. */
  skipSigned(bits: 32 | 33 | 64): void {
    const start = this.at
    const longest = Math.ceil(bits / 7)
    for (let i = 0; i < longest; i++) if (this.u8() < 128) return
    refuse(`an integer is longer than ${longest} bytes`, start)
  }

  /** A signed integer of 33 bits, as block types are written. */
  s33(): number {
    const start = this.at
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 128) return (byte & 0x40) === 0 ? value : value - 2 ** (shift + 7)
    }
    return refuse('an integer is longer than 5 bytes', start)
  }

  skip(count: number): void {
    if (count > this.end - this.at) refuse('it ends too early', this.at)
    this.at += count
  }

  /** How many entries a vector has; each takes at least one byte, so that a count can't promise more than there is. */
  count(what: string, most: number): number {
    const start = this.at
    const count = this.u32()
    if (count > most) refuse(`it has ${count} ${what}, of which ${most} are allowed`, start)
    if (count > this.end - this.at) refuse('it ends too early', start)
    return count
  }

  name(): string {
    const start = this.at
    const length = this.u32()
    const from = this.at
    this.skip(length)
    try {
      return utf8.decode(this.bytes.subarray(from, this.at))
    } catch {
      return refuse('a name is not UTF-8', start)
    }
  }
}
