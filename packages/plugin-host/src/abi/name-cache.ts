/**
 * Texts that a guest hands over again and again from the same place, such as the names of fields: remembered by address and
 * length, and compared byte by byte, since a guest may write into the place. That costs a third of making the text anew.
 */
import type { GuestMemory } from './guest-memory.ts'

const SLOTS = 64
const MAX_LENGTH = 64

interface Remembered<T> {
  ptr: number
  length: number
  readonly bytes: Uint8Array
  value: T | undefined
}

/** Of one instance. `make` gives what a text stands for. */
export class NameCache<T> {
  readonly #memory: GuestMemory
  /** What any text stands for, not remembered by its place. */
  readonly make: (text: string) => T
  readonly #slots: Remembered<T>[] = []

  constructor(memory: GuestMemory, make: (text: string) => T) {
    this.#memory = memory
    this.make = make
    for (let i = 0; i < SLOTS; i++)
      this.#slots.push({ ptr: -1, length: 0, bytes: new Uint8Array(MAX_LENGTH), value: undefined })
  }

  /** What the text at this place stands for. */
  at(ptr: number, length: number): T {
    const slot = this.#slots[((ptr >>> 2) ^ (ptr >>> 8) ^ length) & (SLOTS - 1)]!
    if (slot.ptr === ptr && slot.length === length && this.#isUnchanged(slot)) return slot.value!
    const value = this.make(this.#memory.text(ptr, length))
    if (length >>> 0 <= MAX_LENGTH) {
      slot.ptr = ptr
      slot.length = length
      slot.value = value
      const { bytes } = this.#memory
      for (let i = 0; i < length; i++) slot.bytes[i] = bytes[(ptr >>> 0) + i]!
    }
    return value
  }

  #isUnchanged({ ptr, length, bytes }: Remembered<T>): boolean {
    const memory = this.#memory.bytes
    const from = ptr >>> 0
    for (let i = 0; i < length; i++) if (memory[from + i] !== bytes[i]) return false
    return true
  }
}
