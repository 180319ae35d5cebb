/**
 * The binary forms of `sluice:v1`: heads, edits and requests as numbers (32 bits, little-endian) and texts with their length
 * in front. Whatever a guest wrote is checked to its end.
 */
import { outputFault } from '../fault.ts'
import { latin1Slice, latin1Write, utf8Slice } from './buffer-text.ts'

/** Reads a form from a part of the guest's memory. Past its end is a fault. */
export class FormReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  number(): number {
    if (this.#at + 4 > this.#bytes.length) throw cutShort()
    const value = this.#bytes.readUInt32LE(this.#at)
    this.#at += 4
    return value
  }

  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw cutShort()
    const value = this.#bytes.readDoubleLE(this.#at)
    this.#at += 8
    return value
  }

  /** UTF-8 text. */
  wide(): string {
    const end = this.#end()
    const text = utf8Slice(this.#bytes, this.#at, end)
    this.#at = end
    return text
  }

  /** The same, behind a number that says whether there is any. */
  maybe(): string | undefined {
    return this.number() === 0 ? undefined : this.wide()
  }

  /** Latin1 text. */
  text(): string {
    const end = this.#end()
    const text = latin1Slice(this.#bytes, this.#at, end)
    this.#at = end
    return text
  }

  /** A copy of bytes. */
  bytes(): Uint8Array {
    const end = this.#end()
    const bytes = Uint8Array.prototype.slice.call(this.#bytes, this.#at, end)
    this.#at = end
    return bytes
  }

  /** Names and values by turns. */
  fields(): string[] {
    const flat: string[] = []
    for (let left = this.number(); left > 0; left--) flat.push(this.text(), this.text())
    return flat
  }

  /** To be called when all was read. */
  finish(): void {
    if (this.#at !== this.#bytes.length) throw outputFault('a binary form has surplus bytes')
  }

  #end(): number {
    const length = this.number()
    if (this.#at + length > this.#bytes.length) throw cutShort()
    return this.#at + length
  }
}

function cutShort(): Error {
  return outputFault('a binary form is cut short')
}

/** How long {@link writeForm} makes it. */
export function formLength(parts: readonly (number | string)[]): number {
  let length = 0
  for (const part of parts) length += typeof part === 'number' ? 4 : 4 + part.length
  return length
}

/** Writes numbers and latin1 texts at `at`. There must be room for {@link formLength}. */
export function writeForm(parts: readonly (number | string)[], bytes: Buffer, at: number): void {
  for (const part of parts) {
    const isNumber = typeof part === 'number'
    bytes.writeUInt32LE(isNumber ? part : part.length, at)
    at += 4
    if (isNumber) continue
    latin1Write(bytes, part, at)
    at += part.length
  }
}
