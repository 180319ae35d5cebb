/**
 * Sliding windows: a unit counts until a whole window has passed since it was spent. Counting the window before in part, as
 * many do, takes less memory and lets twice the limit through in one window where the units were spent at its end.
 *
 * Up to {@link EXACT} entries of a key are exact. Beyond them, what is spent in the same hundredth of a window becomes one entry with
 * the time of the last of it: a unit then counts for up to a hundredth of the window longer than it should, and never shorter.
 *
 * What a check needs in most cases stands beside the key's fingerprint: the sum of its entries, the time of the first and of the last. The
 * entries themselves lie elsewhere, and are read only where some of them, but not all, are out of the window: adding one is
 * a write, for which nobody has to wait.
 */
import type { Policy } from '../policy/policy.ts'
import { KeyTable, LAST } from './key-table.ts'
import { SlidingCounter } from './sliding-counter.ts'
import { WindowRings } from './window-rings.ts'

/** Slices of a window in which units are counted together. */
export const SLICES = 100
/** How many entries of a key are kept apart whatever their time. */
export const EXACT = 50
/** More entries than that can't be within one window. */
const MAX_ENTRIES = EXACT + SLICES + 1

/** The numbers of a key, behind its fingerprint and the time of its last entry: their sum, the time of the first, and four words. */
const NUMBERS = 5
const TOTAL = 2
const FIRST_TIME = 3
/** As words: one more than its ring, or 0 for none; then the place of the first entry, and above it how many there are. */
const RING = 8
const SPAN = 9
const COUNT_SHIFT = 16

export class WindowCounter extends SlidingCounter {
  readonly #sliceMs: number
  readonly #capacity: number
  readonly #rings: WindowRings
  readonly #numbers: Float64Array
  readonly #words: Uint32Array

  constructor(policy: Policy, maxKeys: number) {
    const { limit, windowMs } = policy
    // With costs of at least 1 a ring never needs more entries than `limit`.
    const capacity = Math.min(MAX_ENTRIES, Math.max(1, Math.ceil(limit)))
    const rings = new WindowRings(capacity)
    const table = new KeyTable(maxKeys, { numbers: NUMBERS, times: 1, room: 4 / 3, owesMs: windowMs }, (place) => {
      const ring = table.words[2 * NUMBERS * place + RING]!
      if (ring !== 0) rings.close(ring - 1)
    })
    super(policy, windowMs, table)
    this.#sliceMs = windowMs / SLICES
    this.#capacity = capacity
    this.#rings = rings
    this.#numbers = table.numbers
    this.#words = table.words
  }

  protected spent(): number {
    const from = this.now - this.windowMs
    if (this.last() <= from) this.#forgetAll()
    else if (this.#numbers[this.at + FIRST_TIME]! <= from) this.#forget(from)
    return this.#numbers[this.at + TOTAL]!
  }

  protected last(): number {
    return this.#numbers[this.at + LAST]!
  }

  get #first(): number {
    return this.#words[2 * this.at + SPAN]! & 0xffff
  }

  get #count(): number {
    return this.#words[2 * this.at + SPAN]! >>> COUNT_SHIFT
  }

  #setSpan(first: number, count: number): void {
    this.#words[2 * this.at + SPAN] = first | (count << COUNT_SHIFT)
  }

  /** Selects the key's ring. */
  #ring(): WindowRings {
    const at = 2 * this.at + RING
    if (this.#words[at] === 0) this.#words[at] = this.#rings.open() + 1
    this.#rings.select(this.#words[at]! - 1)
    return this.#rings
  }

  #forgetAll(): void {
    this.#setSpan(0, 0)
    // Whatever rounding has left behind goes as well.
    this.#numbers[this.at + TOTAL] = 0
  }

  /** Forgets what was spent up to a time: some of the entries, and not the last. */
  #forget(time: number): void {
    const ring = this.#ring()
    let first = this.#first
    let count = this.#count
    let total = this.#numbers[this.at + TOTAL]!
    while (count > 1 && ring.timeOf(first) <= time) {
      total -= ring.unitsOf(first)
      first = first + 1 === this.#capacity ? 0 : first + 1
      count--
    }
    this.#setSpan(first, count)
    this.#numbers[this.at + TOTAL] = total
    this.#numbers[this.at + FIRST_TIME] = ring.timeOf(first)
  }

  protected spend(units: number): void {
    const ring = this.#ring()
    const numbers = this.#numbers
    const first = this.#first
    const count = this.#count
    if (count > 0 && this.#isOneEntry(numbers[this.at + LAST]!, count)) {
      const last = first + count - 1
      ring.set(last, this.now, ring.unitsOf(last) + units)
      if (count === 1) numbers[this.at + FIRST_TIME] = this.now
    } else {
      ring.set(first + count, this.now, units)
      this.#setSpan(first, count + 1)
      if (count === 0) numbers[this.at + FIRST_TIME] = this.now
    }
    numbers[this.at + TOTAL]! += units
    numbers[this.at + LAST] = this.now
  }

  #isOneEntry(last: number, count: number): boolean {
    if (last === this.now || count === this.#capacity) return true
    return count >= EXACT && Math.floor(last / this.#sliceMs) === Math.floor(this.now / this.#sliceMs)
  }

  /** From the last entries on. */
  protected giveBack(units: number): void {
    const ring = this.#ring()
    const numbers = this.#numbers
    const first = this.#first
    let count = this.#count
    let left = units
    while (left > 0 && count > 0) {
      const last = first + count - 1
      const spent = ring.unitsOf(last)
      ring.set(last, ring.timeOf(last), Math.max(0, spent - left))
      numbers[this.at + TOTAL]! -= Math.min(spent, left)
      if (spent <= left) count--
      left -= spent
    }
    this.#setSpan(first, count)
    if (count === 0) numbers[this.at + TOTAL] = 0
    numbers[this.at + LAST] = count === 0 ? Number.NEGATIVE_INFINITY : ring.timeOf(first + count - 1)
  }

  /** When the last of the first `units` was spent. */
  protected timeOf(units: number): number {
    const ring = this.#ring()
    const first = this.#first
    let sum = 0
    for (let i = 0; i < this.#count; i++) {
      sum += ring.unitsOf(first + i)
      if (sum + 1e-9 >= units) return ring.timeOf(first + i)
    }
    return this.#numbers[this.at + LAST]!
  }
}
