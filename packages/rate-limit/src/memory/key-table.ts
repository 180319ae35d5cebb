/**
 * Keys and when each of them will be as if it had never been seen: a hash table with open addressing (linear probing,
 * deletion by backward shift), in typed arrays of a fixed size, so that a million keys are a few blocks of memory that no
 * collector walks through. It holds fingerprints of 64 bits, not keys.
 *
 * **When it is full.** A key that owes nothing may be forgotten without anybody noticing, and only such keys are. Some are
 * looked for with each new key. Where all owe something, a new key is not given the place of another (whoever has spent
 * their units could get them back by sending many keys): it counts in one of {@link SHARED} places that it shares with all
 * new keys of the same hash. So no key ever gets more than its limit; under a flood of keys, new ones may get less.
 */
import { getRandomValues } from 'node:crypto'
import { KeyHash } from './key-hash.ts'

/** Places for the keys for which there is none of their own. */
export const SHARED = 1_024

/** How many places are looked at with each new key, and when there is no room. */
const SWEEP = 4
const SEARCH = 64

export class KeyTable {
  readonly #maxKeys: number
  readonly #size: number
  readonly #mask: number
  /** Sixteen bytes for each place, which are one look into memory: a fingerprint, 0 where it is free, and a time. */
  readonly #prints: Uint32Array
  readonly #times: Float64Array
  readonly #hash: KeyHash = new KeyHash(getRandomValues(new Uint32Array(2)))
  readonly #moved: ((from: number, to: number) => void) | undefined
  readonly #dropped: ((place: number) => void) | undefined
  #count = 0
  #hand = 0
  #turnedAway = 0

  /** `moved` and `dropped` are for what else is kept for each place. */
  constructor(maxKeys: number, moved?: (from: number, to: number) => void, dropped?: (place: number) => void) {
    this.#maxKeys = maxKeys
    this.#size = 2 ** Math.ceil(Math.log2(Math.max(8, maxKeys * 1.5)))
    this.#mask = this.#size - 1
    const memory = new ArrayBuffer(16 * this.places)
    this.#prints = new Uint32Array(memory)
    this.#times = new Float64Array(memory)
    for (let place = this.#size; place < this.places; place++) this.setResetAt(place, Number.NEGATIVE_INFINITY)
    this.#moved = moved
    this.#dropped = dropped
  }

  /** How many keys have a place of their own. */
  get count(): number {
    return this.#count
  }

  /** How many places there are, shared ones included. */
  get places(): number {
    return this.#size + SHARED
  }

  /** How many times a key had to share a place. */
  get turnedAway(): number {
    return this.#turnedAway
  }

  /** When the key of a place owes nothing any more, by the clock. */
  resetAt(place: number): number {
    return this.#times[2 * place + 1]!
  }

  setResetAt(place: number, time: number): void {
    this.#times[2 * place + 1] = time
  }

  isShared(place: number): boolean {
    return place >= this.#size
  }

  /** The place of a key, which is made where there is none. It holds until the next call. */
  placeOf(key: string, now: number): number {
    this.#hash.update(key)
    const { low, high } = this.#hash
    const prints = this.#prints
    for (let place = high & this.#mask; ; place = (place + 1) & this.#mask) {
      if (prints[4 * place] === low && prints[4 * place + 1] === high) return place
      if (prints[4 * place] === 0 && prints[4 * place + 1] === 0) break
    }
    return this.#add(low, high, now)
  }

  #add(low: number, high: number, now: number): number {
    this.#sweep(now, SWEEP)
    if (this.#count >= this.#maxKeys) this.#sweep(now, SEARCH)
    if (this.#count >= this.#maxKeys) {
      this.#turnedAway++
      return this.#size + (low % SHARED)
    }
    let place = high & this.#mask
    while (!this.#isFree(place)) place = (place + 1) & this.#mask
    this.#prints[4 * place] = low
    this.#prints[4 * place + 1] = high
    this.setResetAt(place, Number.NEGATIVE_INFINITY)
    this.#count++
    return place
  }

  #isFree(place: number): boolean {
    return this.#prints[4 * place] === 0 && this.#prints[4 * place + 1] === 0
  }

  /** Forgets those of the next `steps` places that owe nothing. */
  #sweep(now: number, steps: number): void {
    for (let step = 0; step < steps; step++) {
      const place = this.#hand
      // Behind one that goes another may move up: it is looked at in the next step.
      if (!this.#isFree(place) && this.resetAt(place) <= now) this.#drop(place)
      else this.#hand = (place + 1) & this.#mask
    }
  }

  #drop(place: number): void {
    this.#dropped?.(place)
    const prints = this.#prints
    let hole = place
    for (let next = (hole + 1) & this.#mask; !this.#isFree(next); next = (next + 1) & this.#mask) {
      const home = prints[4 * next + 1]! & this.#mask
      // It may only move up to a place that lies between its home and where it stands.
      if (((next - home) & this.#mask) < ((next - hole) & this.#mask)) continue
      prints[4 * hole] = prints[4 * next]!
      prints[4 * hole + 1] = prints[4 * next + 1]!
      this.setResetAt(hole, this.resetAt(next))
      this.#moved?.(next, hole)
      hole = next
    }
    prints[4 * hole] = 0
    prints[4 * hole + 1] = 0
    this.#count--
  }
}
