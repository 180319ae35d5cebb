/**
 * Sliding windows with few entries, which lie beside the key's fingerprint: the oldest first, and none behind one without units. What
 * {@link WindowCounter} needs two looks into memory for, one does here.
 *
 * So that a key takes little more than one line of memory, an entry is two words: when units were spent, as {@link WindowTicks}, and
 * how many, as grains. A grain is a hundred-millionth of a unit; parts of grains are rounded up.
 */
import type { Policy } from '../policy/policy.ts'
import { KeyTable, LAST } from './key-table.ts'
import { SlidingCounter } from './sliding-counter.ts'
import { WindowTicks } from './window-ticks.ts'

/** Up to this limit: what is set aside for each key grows with it. */
export const SMALL_LIMIT = 8

/** Where the entries of a key begin, in words: behind the fingerprint and the time of the last entry. */
const ENTRIES = 4
const GRAINS = 1e8
/** What counting in binary fractions adds to a whole number of grains. */
const ROUNDING = 1e-3
/** More is not counted in one entry: over 40 units, five times what any limit here lets pass. */
const MOST_GRAINS = 2 ** 32 - 1

export class SmallWindowCounter extends SlidingCounter {
  readonly #ticks: WindowTicks
  readonly #end: number
  readonly #numbers: Float64Array
  readonly #words: Uint32Array
  /** Behind the last entry of the key that is looked at, as words. */
  #behind = 0

  constructor(policy: Policy, maxKeys: number) {
    const ticks = new WindowTicks(policy.windowMs)
    // With costs of at least 1 there are never more entries than that.
    const words = ENTRIES + 2 * Math.max(1, Math.ceil(policy.limit))
    const shape = { numbers: words / 2, times: 1, room: 1.5, owesMs: ticks.windowMs }
    super(policy, ticks.windowMs, new KeyTable(maxKeys, shape))
    this.#ticks = ticks
    this.#end = words
    this.#numbers = this.table.numbers
    this.#words = this.table.words
  }

  protected spent(): number {
    const words = this.#words
    const from = 2 * this.at + ENTRIES
    const end = 2 * this.at + this.#end
    if (this.last() + this.windowMs <= this.now) {
      // As ticks they could be so old that they seem to be new.
      for (let at = from; at < end && words[at + 1] !== 0; at += 2) words[at + 1] = 0
      this.#behind = from
      return 0
    }
    const now = this.#ticks.before(this.now)
    let grains = 0
    let forgotten = 0
    let at = from
    for (; at < end && words[at + 1] !== 0; at += 2) {
      if (((now - words[at]!) | 0) >= this.#ticks.window) forgotten += 2
      else grains += words[at + 1]!
    }
    this.#behind = at - forgotten
    if (forgotten > 0) {
      // By hand: for a few numbers `copyWithin` takes longer to begin than this does.
      for (let to = from; to < at; to++) words[to] = to + forgotten < at ? words[to + forgotten]! : 0
    }
    return grains / GRAINS
  }

  protected spend(units: number): void {
    const words = this.#words
    const hasRoom = this.#behind < 2 * this.at + this.#end
    const isSame = this.#behind > 2 * this.at + ENTRIES && (this.last() === this.now || !hasRoom)
    if (!isSame) this.#behind += 2
    words[this.#behind - 2] = this.#ticks.behind(this.now)
    words[this.#behind - 1] = Math.min(words[this.#behind - 1]! + grainsOf(units), MOST_GRAINS)
    this.#numbers[this.at + LAST] = this.now
  }

  protected giveBack(units: number): void {
    const words = this.#words
    const from = 2 * this.at + ENTRIES
    let left = grainsOf(units)
    while (left > 0 && this.#behind > from) {
      const spent = words[this.#behind - 1]!
      // How much it was nobody knows.
      if (spent === MOST_GRAINS) break
      words[this.#behind - 1] = Math.max(0, spent - left)
      if (spent <= left) this.#behind -= 2
      left -= spent
    }
    this.#numbers[this.at + LAST] =
      this.#behind === from ? Number.NEGATIVE_INFINITY : this.#ticks.timeOf(words[this.#behind - 2]!, this.last())
  }

  protected last(): number {
    return this.#numbers[this.at + LAST]!
  }

  protected timeOf(units: number): number {
    const words = this.#words
    const missing = units * GRAINS - ROUNDING
    let sum = 0
    for (let at = 2 * this.at + ENTRIES; at < this.#behind; at += 2) {
      sum += words[at + 1]!
      if (sum >= missing) return this.#ticks.timeOf(words[at]!, this.last())
    }
    return this.last()
  }
}

function grainsOf(units: number): number {
  return Math.max(1, Math.ceil(units * GRAINS - ROUNDING))
}
