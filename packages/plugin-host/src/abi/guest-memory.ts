/**
 * A guest's memory as host functions see it: one view for all of them, made anew when the memory has grown (which detaches
 * the old buffer). Every address is checked; one outside is a fault.
 */
import { addressFault } from '../fault.ts'
import type { WasmMemory } from '../wasm/engine.ts'
import { formLength, writeForm } from './binary-form.ts'
import { latin1Slice, latin1Write, utf8Slice, utf8Write } from './buffer-text.ts'

/** Up to here a loop over characters costs less than the call into the engine that writes a whole string. */
const SHORT_TEXT = 24
const NOTHING: Buffer = Buffer.alloc(0)

export class GuestMemory {
  #memory: WasmMemory | undefined = undefined
  #bytes: Buffer = NOTHING

  /** Host functions are made before their instance is. Until then every address is a fault. */
  attach(memory: WasmMemory): void {
    this.#memory = memory
    this.#renew()
  }

  /** The whole memory. Not to be kept: a call of the guest may detach it. */
  get bytes(): Buffer {
    // Of a detached buffer nothing is left.
    return this.#bytes.length === 0 ? this.#renew() : this.#bytes
  }

  /** How many pages of 64 KiB it has now. */
  get pages(): number {
    return this.bytes.length >>> 16
  }

  /** Bytes as latin1 text. */
  text(ptr: number, length: number): string {
    const from = this.#checked(ptr, length)
    return latin1Slice(this.#bytes, from, from + (length >>> 0))
  }

  /** Bytes as UTF-8 text; what is none becomes U+FFFD. */
  utf8(ptr: number, length: number): string {
    const from = this.#checked(ptr, length)
    return utf8Slice(this.#bytes, from, from + (length >>> 0))
  }

  /** A copy. */
  copy(ptr: number, length: number): Uint8Array {
    const from = this.#checked(ptr, length)
    return Uint8Array.prototype.slice.call(this.#bytes, from, from + (length >>> 0))
  }

  /** A view of a part; not to be kept. */
  part(ptr: number, length: number): Buffer {
    const from = this.#checked(ptr, length)
    return this.#bytes.subarray(from, from + (length >>> 0))
  }

  /** Writes latin1 text where it fits; gives its length. */
  writeText(text: string, ptr: number, capacity: number): number {
    const { length } = text
    if (length > capacity >>> 0) return length
    const from = this.#checked(ptr, length)
    const bytes = this.#bytes
    if (length > SHORT_TEXT) latin1Write(bytes, text, from)
    else for (let i = 0; i < length; i++) bytes[from + i] = text.charCodeAt(i)
    return length
  }

  /** Writes text as UTF-8 where it fits; gives its length in bytes. */
  writeUtf8(text: string, ptr: number, capacity: number): number {
    const length = Buffer.byteLength(text)
    if (length > capacity >>> 0) return length
    const from = this.#checked(ptr, length)
    utf8Write(this.#bytes, text, from, length)
    return length
  }

  /** Writes bytes where they fit; gives their number. */
  writeBytes(source: Uint8Array, ptr: number, capacity: number): number {
    const { length } = source
    if (length > capacity >>> 0) return length
    const from = this.#checked(ptr, length)
    this.#bytes.set(source, from)
    return length
  }

  /** Copies from `offset` of `source` on, as much as there is room; gives how much. */
  writePart(source: Uint8Array, offset: number, ptr: number, capacity: number): number {
    const start = Math.min(offset >>> 0, source.length)
    const length = Math.min(capacity >>> 0, source.length - start)
    const from = this.#checked(ptr, length)
    this.#bytes.set(length === source.length ? source : source.subarray(start, start + length), from)
    return length
  }

  /** Writes a binary form where it fits; gives its length. */
  writeForm(parts: readonly (number | string)[], ptr: number, capacity: number): number {
    const length = formLength(parts)
    if (length > capacity >>> 0) return length
    const from = this.#checked(ptr, length)
    writeForm(parts, this.#bytes, from)
    return length
  }

  /** Where the part begins, as an unsigned number. */
  #checked(ptr: number, length: number): number {
    const from = ptr >>> 0
    if (from + (length >>> 0) > this.bytes.length) throw addressFault()
    return from
  }

  #renew(): Buffer {
    return this.#memory === undefined ? NOTHING : (this.#bytes = Buffer.from(this.#memory.buffer))
  }
}
