/** Writes frames in the binary forms of `sluice:v1`, see `../abi/binary-form.ts`, into one buffer that grows. */
import { latin1Write, utf8Write } from '../abi/buffer-text.ts'

const FIRST_BYTES = 4_096

export class FrameWriter {
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #at = 0

  /** Begins a frame; the one before is gone. */
  begin(kind: number): this {
    this.#at = 0
    return this.number(kind)
  }

  /** 32 bits. */
  number(value: number): this {
    this.#reserve(4)
    this.#at = this.#bytes.writeUInt32LE(value >>> 0, this.#at)
    return this
  }

  double(value: number): this {
    this.#reserve(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
    return this
  }

  /** Latin1, as the values of fields are. */
  text(text: string): this {
    this.number(text.length)
    this.#reserve(text.length)
    latin1Write(this.#bytes, text, this.#at)
    this.#at += text.length
    return this
  }

  /** Any characters. */
  wide(text: string): this {
    const length = Buffer.byteLength(text)
    this.number(length)
    this.#reserve(length)
    utf8Write(this.#bytes, text, this.#at, length)
    this.#at += length
    return this
  }

  /** Any characters, or none at all. */
  maybe(text: string | undefined): this {
    this.number(text === undefined ? 0 : 1)
    return text === undefined ? this : this.wide(text)
  }

  bytes(bytes: Uint8Array): this {
    this.number(bytes.length)
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
    return this
  }

  /** Names and values by turns. */
  fields(flat: readonly string[]): this {
    this.number(flat.length >> 1)
    for (const each of flat) this.text(each)
    return this
  }

  /** The frame, until the next one begins. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(grown, 0, 0, this.#at)
    this.#bytes = grown
  }
}
