/**
 * Keys and when each of them will be as if it had never been seen: a hash table with open addressing (linear probing,
 * deletion by backward shift), in typed arrays of a fixed size, so that a million keys are a few blocks of memory that no
 * collector walks through. It holds fingerprints of 64 bits, not keys.
 *
 * With a million keys, a look at one costs what memory takes to answer, some hundred instructions' time: so all that a check
 * needs of a key lies in one place, beside its fingerprint, and the smaller a place is, the more of them are near.
 *
 * **When it is full.** A key that owes nothing may be forgotten without anybody noticing, and only such keys are. Some are
 * looked for with each new key once the table is crowded. Where all owe something, a new key is not given the place of another (whoever has spent
 * their units could get them back by sending many keys): it counts in one of {@link SHARED} places that it shares with all
 * new keys of the same hash. So no key ever gets more than its limit; under a flood of keys, new ones may get less.
 */
import type { KeyHash } from './key-hash.ts'

/** Places for the keys for which there is none of their own. */
export const SHARED = 1_024

/** How many places are looked at with each new key once the table is crowded, and when there is no room. */
const SWEEP = 4
const SEARCH = 64
/** What part of the keys it may hold makes a table crowded. Before that, whoever owes nothing is in nobody's way. */
const CROWDED = 15 / 16
const MIN_SIZE = 8
/** Memory comes in lines of 64 bytes. */
const LINE = 64
const WORDS_PER_LINE = LINE / 4
const NUMBERS_PER_LINE = LINE / 8
/** Where in a large block of memory the first line begins: the allocators of Linux have 16 bytes in front of it. */
const FIRST_LINE = process.platform === 'linux' ? LINE - 16 : 0

/** What a table holds for each key. */
export interface TableShape {
  /** Numbers of eight bytes: the fingerprint, the times from {@link LAST} on, and what else there is. */
  readonly numbers: number
  /** How many times there are. A key owes something until the latest of them, and {@link owesMs} more. */
  readonly times: number
  /** How many places there are for each key: the more, the sooner a key is found. */
  readonly room: number
  readonly owesMs: number
}

/** The number of a key that is a time; of several the first. Of a new key it is long ago. */
export const LAST = 1

export class KeyTable {
  /** The numbers of all places; those of one begin at `place * shape.numbers`, with the fingerprint. */
  readonly numbers: Float64Array
  /** The same as words of 32 bits. */
  readonly words: Uint32Array
  readonly shape: TableShape
  /** Means nothing: a read whose result goes nowhere would be left out by the compiler. */
  touched = 0
  readonly #maxKeys: number
  readonly #size: number
  readonly #stride: number
  readonly #perHash: number
  /** How many places of a line keys begin at the first of: then most are found in the line they begin in. */
  readonly #perLine: number
  readonly #crowd: number
  readonly #dropped: ((place: number) => void) | undefined
  #count = 0
  #hand = 0
  #turnedAway = 0
  /** What was found last. */
  #foundLow = 0
  #foundHigh = 0
  #found = 0

  /** `dropped` is for what is kept for a place elsewhere. */
  constructor(maxKeys: number, shape: TableShape, dropped?: (place: number) => void) {
    this.shape = shape
    this.#maxKeys = maxKeys
    this.#stride = shape.numbers
    this.#perLine = Math.max(1, Math.floor(NUMBERS_PER_LINE / this.#stride))
    const lines = Math.ceil(Math.max(MIN_SIZE, maxKeys * shape.room) / this.#perLine)
    this.#size = lines * this.#perLine
    this.#perHash = lines / 2 ** 32
    // What keys have elsewhere is wanted back sooner.
    this.#crowd = dropped === undefined ? Math.floor(maxKeys * CROWDED) : 0
    this.#dropped = dropped
    const numbers = this.#stride * this.places
    const memory = new ArrayBuffer(FIRST_LINE + 8 * numbers)
    this.numbers = new Float64Array(memory, FIRST_LINE, numbers)
    this.words = new Uint32Array(memory, FIRST_LINE, 2 * numbers)
    for (let place = this.#size; place < this.places; place++) this.#begin(place)
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

  isShared(place: number): boolean {
    return place >= this.#size
  }

  /**
   * Reads what a look at a key is going to read, for nothing but that it is on its way from memory: what several tables are asked for at
   * once comes at once.
   */
  touch({ low }: KeyHash): void {
    const { words } = this
    const from = this.#homeOf(low) * 2 * this.#stride
    // The next line as well where each has one place: not every key is in its first.
    this.touched = this.#perLine > 1 ? words[from]! : words[from]! ^ words[from + WORDS_PER_LINE]!
  }

  /** The place of a key, which is made where there is none: its times are long ago then, and its other numbers 0. It holds until the next call. */
  placeOf(key: KeyHash, now: number): number {
    this.#foundLow = key.low
    this.#foundHigh = key.high
    return (this.#found = this.#find(key, now))
  }

  /** The same for a key that was most likely just looked for. */
  placeAgain(key: KeyHash, now: number): number {
    if (key.low !== this.#foundLow || key.high !== this.#foundHigh) return this.placeOf(key, now)
    if (this.isShared(this.#found)) this.#turnedAway++
    return this.#found
  }

  #find({ low, high }: KeyHash, now: number): number {
    const { words } = this
    const step = 2 * this.#stride
    let place = this.#homeOf(low)
    for (let at = place * step; ; at = place * step) {
      if (words[at] === low && words[at + 1] === high) return place
      if (words[at] === 0 && words[at + 1] === 0) return this.#add(low, high, now)
      if (++place === this.#size) place = 0
    }
  }

  #add(low: number, high: number, now: number): number {
    if (this.#count >= this.#crowd) this.#sweep(now, SWEEP)
    if (this.#count >= this.#maxKeys) this.#sweep(now, SEARCH)
    if (this.#count >= this.#maxKeys) {
      this.#turnedAway++
      return this.#size + (high % SHARED)
    }
    let place = this.#homeOf(low)
    while (!this.#isFree(place)) place = this.#behind(place)
    const at = 2 * this.#stride * place
    this.words[at] = low
    this.words[at + 1] = high
    this.#begin(place)
    this.#count++
    return place
  }

  #homeOf(low: number): number {
    return ((low * this.#perHash) | 0) * this.#perLine
  }

  #behind(place: number): number {
    return place + 1 === this.#size ? 0 : place + 1
  }

  #isFree(place: number): boolean {
    const at = 2 * this.#stride * place
    return this.words[at] === 0 && this.words[at + 1] === 0
  }

  /** Forgets those of the next `steps` places that owe nothing. */
  #sweep(now: number, steps: number): void {
    for (let step = 0; step < steps; step++) {
      const place = this.#hand
      // Behind one that goes another may move up: it is looked at in the next step.
      if (!this.#isFree(place) && this.#owesUntil(place) <= now) this.#drop(place)
      else this.#hand = this.#behind(place)
    }
  }

  #begin(place: number): void {
    const from = this.#stride * place + LAST
    this.numbers.fill(Number.NEGATIVE_INFINITY, from, from + this.shape.times)
  }

  #owesUntil(place: number): number {
    const from = this.#stride * place + LAST
    let latest = this.numbers[from]!
    for (let i = 1; i < this.shape.times; i++) latest = Math.max(latest, this.numbers[from + i]!)
    return latest + this.shape.owesMs
  }

  #drop(place: number): void {
    this.#dropped?.(place)
    const step = 2 * this.#stride
    let hole = place
    for (let next = this.#behind(hole); !this.#isFree(next); next = this.#behind(next)) {
      const home = this.#homeOf(this.words[next * step]!)
      // It may only move up to a place that lies between its home and where it stands.
      if (this.#distance(home, next) < this.#distance(hole, next)) continue
      // As words: a fingerprint that is taken for a number may come out as another.
      this.words.copyWithin(hole * step, next * step, (next + 1) * step)
      hole = next
    }
    this.words.fill(0, hole * step, (hole + 1) * step)
    this.#count--
  }

  #distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#size
  }
}
