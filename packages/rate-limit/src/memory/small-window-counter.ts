/**
 * Sliding windows with few entries, which lie beside the key's fingerprint: the oldest first, and none behind one without units. What
 * {@link WindowCounter} needs two looks into memory for, one does here; and up to so many entries nothing has to be put together.
 */
import type { Policy } from '../policy/policy.ts'
import type { Outcome } from '../store/store.ts'
import { type Counter, TOLERANCE } from './counter.ts'
import type { KeyHash } from './key-hash.ts'
import { KeyTable, LAST } from './key-table.ts'

/** Up to this limit: what is set aside for each key grows with it. */
export const SMALL_LIMIT = 8

/** Where the entries of a key begin: a time and the units that were spent then, in turn. */
const ENTRIES = 2

export class SmallWindowCounter implements Counter {
  fits = true
  readonly #limit: number
  readonly #windowMs: number
  readonly #capacity: number
  readonly #stride: number
  readonly #table: KeyTable
  readonly #numbers: Float64Array
  #now = 0
  /** Where the numbers of the key that is looked at begin, and how many entries it has. */
  #at = 0
  #count = 0
  #left = 0
  #isLeftOut = false

  constructor({ limit, windowMs }: Policy, maxKeys: number) {
    this.#limit = limit
    this.#windowMs = windowMs
    // With costs of at least 1 there are never more entries than that.
    this.#capacity = Math.max(1, Math.ceil(limit))
    this.#stride = ENTRIES + 2 * this.#capacity
    this.#table = new KeyTable(maxKeys, { numbers: this.#stride, times: 1, room: 1.5, owesMs: windowMs })
    this.#numbers = this.#table.numbers
  }

  get keys(): number {
    return this.#table.count
  }

  get turnedAway(): number {
    return this.#table.turnedAway
  }

  touch(key: KeyHash): void {
    this.#table.touch(key)
  }

  look(key: KeyHash, cost: number, now: number, ownOnly: boolean): void {
    const place = this.#table.placeOf(key, now)
    this.#now = now
    this.#at = place * this.#stride
    this.#isLeftOut = ownOnly && this.#table.isShared(place)
    this.#left = this.#limit - (this.#isLeftOut ? 0 : this.#totalSince(now - this.#windowMs))
    this.fits = this.#isLeftOut || this.#left + TOLERANCE >= cost
  }

  take(cost: number): void {
    if (this.#isLeftOut || cost === 0) return
    if (cost > 0) this.#spend(cost)
    else this.#giveBack(-cost)
  }

  outcome(cost: number, admitted: boolean, charged: boolean): Outcome {
    const remaining = charged ? this.#left - cost : this.#left
    const resetMs = this.#isLeftOut ? 0 : this.#untilForgotten(this.#numbers[this.#at + LAST]!)
    const missing = Math.min(cost, this.#limit) - remaining
    const retryAfterMs = admitted ? 0 : this.#untilForgotten(this.#timeOf(missing))
    return { admitted, remaining, resetMs, retryAfterMs }
  }

  #untilForgotten(time: number): number {
    return Math.max(0, time + this.#windowMs - this.#now)
  }

  /** Forgets what was spent up to `time`; gives the sum of the rest. */
  #totalSince(time: number): number {
    const numbers = this.#numbers
    const from = this.#at + ENTRIES
    const end = this.#at + this.#stride
    let total = 0
    let forgotten = 0
    let entry = from
    for (; entry < end && numbers[entry + 1] !== 0; entry += 2) {
      if (numbers[entry]! <= time) forgotten += 2
      else total += numbers[entry + 1]!
    }
    this.#count = (entry - from - forgotten) >> 1
    if (forgotten > 0) {
      // By hand: for a few numbers `copyWithin` takes longer to begin than this does.
      for (let to = from; to < entry; to++) numbers[to] = to + forgotten < entry ? numbers[to + forgotten]! : 0
    }
    return total
  }

  #spend(units: number): void {
    const numbers = this.#numbers
    const isSame = this.#count > 0 && (numbers[this.#at + LAST] === this.#now || this.#count === this.#capacity)
    const entry = this.#at + ENTRIES + 2 * (isSame ? this.#count - 1 : this.#count++)
    numbers[entry] = this.#now
    numbers[entry + 1]! += units
    numbers[this.#at + LAST] = this.#now
  }

  /** From the last entries on. */
  #giveBack(units: number): void {
    const numbers = this.#numbers
    let left = units
    while (left > 0 && this.#count > 0) {
      const entry = this.#at + ENTRIES + 2 * (this.#count - 1)
      const spent = numbers[entry + 1]!
      numbers[entry + 1] = Math.max(0, spent - left)
      if (spent <= left) this.#count--
      left -= spent
    }
    const last = this.#at + ENTRIES + 2 * (this.#count - 1)
    numbers[this.#at + LAST] = this.#count === 0 ? Number.NEGATIVE_INFINITY : numbers[last]!
  }

  /** When the last of the first `units` was spent. */
  #timeOf(units: number): number {
    let sum = 0
    for (let i = 0; i < this.#count; i++) {
      const entry = this.#at + ENTRIES + 2 * i
      sum += this.#numbers[entry + 1]!
      if (sum + 1e-9 >= units) return this.#numbers[entry]!
    }
    return this.#numbers[this.#at + LAST]!
  }
}
