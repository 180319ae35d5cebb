/**
 * Which keys left a short time ago, without having been asked for a second time: one that comes back was let go too early. Kept is a
 * fingerprint of 32 bits and when it came; one that falls into a place that is taken pushes the other out. So a key may
 * be forgotten too soon, or rarely be taken for another: both cost a hit ratio's last digits, and no memory.
 */
import { powerOfTwo } from './heap-costs.ts'

const MIN_PLACES = 1_024
const PLACE_BYTES = 8
const FNV_PRIME = 0x01000193

export class GhostTable {
  readonly #seed: number
  #prints = new Uint32Array(MIN_PLACES)
  #times = new Uint32Array(MIN_PLACES)
  /** Counts from 1: a place that was never taken has time 0. */
  #time = 1

  constructor(random: () => number) {
    this.#seed = Math.floor(random() * 0x1_0000_0000)
  }

  get bytes(): number {
    return this.#prints.length * PLACE_BYTES
  }

  /** Remembers `key`, and at most `capacity` keys altogether. */
  add(key: string, capacity: number): void {
    if (capacity * 2 > this.#prints.length) this.#grow(capacity)
    const print = this.#printOf(key)
    const place = print & (this.#prints.length - 1)
    this.#prints[place] = print
    this.#times[place] = this.#time
    // After four thousand million evictions it begins anew, with a table that knows nothing.
    if (++this.#time === 0xffff_ffff) this.clear()
  }

  /** Whether `key` is among the last `capacity` that left; it is not any more after that. */
  take(key: string, capacity: number): boolean {
    const print = this.#printOf(key)
    const place = print & (this.#prints.length - 1)
    const time = this.#times[place]!
    if (time === 0 || this.#prints[place] !== print || this.#time - time > capacity) return false
    this.#times[place] = 0
    return true
  }

  clear(): void {
    this.#times.fill(0)
    this.#time = 1
  }

  /** Places change with the size: what was known is put into its new place. */
  #grow(capacity: number): void {
    const [prints, times] = [this.#prints, this.#times]
    const places = powerOfTwo(capacity * 2)
    this.#prints = new Uint32Array(places)
    this.#times = new Uint32Array(places)
    for (let i = 0; i < prints.length; i++) {
      const place = prints[i]! & (places - 1)
      if (times[i]! <= this.#times[place]!) continue
      this.#prints[place] = prints[i]!
      this.#times[place] = times[i]!
    }
  }

  /** FNV-1a, whose low bits are mixed once more at the end. */
  #printOf(key: string): number {
    let print = this.#seed
    for (let i = 0; i < key.length; i++) print = Math.imul(print ^ key.charCodeAt(i), FNV_PRIME)
    print ^= print >>> 15
    return Math.imul(print, 0x2c1b3c6d) >>> 0
  }
}
