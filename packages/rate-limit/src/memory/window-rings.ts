/**
 * What sliding windows remember: for each key a ring of entries, each a time and the units that were spent then. Rings are rows
 * of blocks, which are made as keys come.
 *
 * Up to {@link EXACT} entries are exact. Beyond them, what is spent in the same hundredth of a window becomes one entry with
 * the time of the last of it: a unit then counts for up to a hundredth of the window longer than it should, and never shorter.
 */

/** Slices of a window in which units are counted together. */
export const SLICES = 100
/** How many entries of a key are kept apart whatever their time. */
export const EXACT = 50
/** More entries than that can't be within one window. */
const MAX_ENTRIES = EXACT + SLICES + 1

/** A row begins with the place of its first entry, how many there are, and their sum; then come times and units in turn. */
const FIRST = 0
const LENGTH = 1
const TOTAL = 2
const ENTRIES = 3

/** Numbers of a block: 256 KiB, so that few blocks hold many keys, and one key does not take much. */
const BLOCK_NUMBERS = 32_768

/** All that is known of a key lies together: far apart, each number would be another look into memory. */
export class WindowRings {
  readonly #sliceMs: number
  readonly #capacity: number
  readonly #stride: number
  readonly #rowsPerBlock: number
  readonly #blocks: Float64Array[] = []
  readonly #free: number[] = []
  #rows = 0
  /** The row that is looked at. */
  #block: Float64Array = new Float64Array(0)
  #at = 0

  /** With costs of at least 1 a ring never needs more entries than `limit`. */
  constructor(limit: number, windowMs: number) {
    this.#sliceMs = windowMs / SLICES
    this.#capacity = Math.min(MAX_ENTRIES, Math.max(1, Math.ceil(limit)))
    this.#stride = ENTRIES + 2 * this.#capacity
    this.#rowsPerBlock = Math.floor(BLOCK_NUMBERS / this.#stride)
  }

  /** A row of its own. */
  open(): number {
    const row = this.#free.pop() ?? this.#rows++
    if (row >= this.#blocks.length * this.#rowsPerBlock)
      this.#blocks.push(new Float64Array(this.#rowsPerBlock * this.#stride))
    this.select(row)
    this.#block.fill(0, this.#at, this.#at + ENTRIES)
    return row
  }

  close(row: number): void {
    this.#free.push(row)
  }

  /** All that follows is about this row. */
  select(row: number): void {
    const index = Math.floor(row / this.#rowsPerBlock)
    this.#block = this.#blocks[index]!
    this.#at = (row - index * this.#rowsPerBlock) * this.#stride
  }

  get total(): number {
    return this.#block[this.#at + TOTAL]!
  }

  /** When the last unit was spent. */
  get newest(): number {
    return this.#length === 0 ? Number.NEGATIVE_INFINITY : this.#block[this.#entry(this.#length - 1)]!
  }

  /** Forgets what was spent up to a time. */
  forget(time: number): void {
    const block = this.#block
    while (this.#length > 0) {
      const entry = this.#entry(0)
      if (block[entry]! > time) return
      block[this.#at + TOTAL]! -= block[entry + 1]!
      block[this.#at + FIRST] = (block[this.#at + FIRST]! + 1) % this.#capacity
      block[this.#at + LENGTH]!--
    }
    // Whatever rounding has left behind.
    block[this.#at + TOTAL] = 0
  }

  /** Spends units now, or gives some back. */
  add(now: number, units: number): void {
    if (units < 0) return this.#giveBack(-units)
    const block = this.#block
    const isSame = this.#length > 0 && this.#isOneEntry(now)
    const entry = this.#entry(isSame ? this.#length - 1 : this.#length)
    block[entry] = now
    block[entry + 1] = isSame ? block[entry + 1]! + units : units
    if (!isSame) block[this.#at + LENGTH]!++
    block[this.#at + TOTAL]! += units
  }

  /** When the last of the first `units` was spent. */
  timeOf(units: number): number {
    let sum = 0
    for (let i = 0; i < this.#length; i++) {
      const entry = this.#entry(i)
      sum += this.#block[entry + 1]!
      if (sum + 1e-9 >= units) return this.#block[entry]!
    }
    return this.newest
  }

  get #length(): number {
    return this.#block[this.#at + LENGTH]!
  }

  #isOneEntry(now: number): boolean {
    const { newest } = this
    if (newest === now || this.#length === this.#capacity) return true
    return this.#length >= EXACT && Math.floor(newest / this.#sliceMs) === Math.floor(now / this.#sliceMs)
  }

  /** From the last ones on. */
  #giveBack(units: number): void {
    const block = this.#block
    let left = units
    while (left > 0 && this.#length > 0) {
      const entry = this.#entry(this.#length - 1)
      const spent = block[entry + 1]!
      block[entry + 1] = Math.max(0, spent - left)
      block[this.#at + TOTAL]! -= Math.min(spent, left)
      if (spent <= left) block[this.#at + LENGTH]!--
      left -= spent
    }
    if (this.#length === 0) block[this.#at + TOTAL] = 0
  }

  /** Where the time of the ring's entry `index` stands in the block; its units are behind it. */
  #entry(index: number): number {
    const place = this.#block[this.#at + FIRST]! + index
    return this.#at + ENTRIES + 2 * (place < this.#capacity ? place : place - this.#capacity)
  }
}
