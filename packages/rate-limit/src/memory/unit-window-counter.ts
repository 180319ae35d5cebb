/**
 * Sliding windows that are only ever charged whole units, known beforehand: an entry is a unit, and need not say how many it is. So five
 * of them and the key's fingerprint take 32 bytes, and thirteen one line of memory.
 *
 * Behind the time of the last unit stand those of the others, as ticks, the last first. Which of them mean something is told by the times
 * themselves: what stands behind one that is out of the window means nothing. So the one behind the first unit of all is set
 * to a time that is.
 */
import type { Policy } from '../policy/policy.ts'
import { TOLERANCE } from './counter.ts'
import { KeyTable, LAST } from './key-table.ts'
import { SlidingCounter } from './sliding-counter.ts'
import { WindowTicks } from './window-ticks.ts'

/** Up to this limit: for a million keys what is set aside is less than 150 MB then. */
export const UNIT_LIMIT = 21

/** Where the others begin, in words: behind the fingerprint and the time of the last. */
const OTHERS = 4

export class UnitWindowCounter extends SlidingCounter {
  readonly #ticks: WindowTicks
  readonly #others: number
  readonly #numbers: Float64Array
  readonly #words: Uint32Array
  /** How many units of the key that is looked at are in the window. */
  #count = 0

  constructor(policy: Policy, maxKeys: number) {
    const ticks = new WindowTicks(policy.windowMs)
    const others = Math.max(1, Math.ceil(policy.limit)) - 1
    const shape = { numbers: Math.ceil((OTHERS + others) / 2), times: 1, room: 1.5, owesMs: ticks.windowMs }
    super(policy, ticks.windowMs, new KeyTable(maxKeys, shape))
    this.#ticks = ticks
    this.#others = others
    this.#numbers = this.table.numbers
    this.#words = this.table.words
  }

  protected spent(): number {
    const words = this.#words
    if (this.last() + this.windowMs <= this.now) return (this.#count = 0)
    const now = this.#ticks.before(this.now)
    const from = 2 * this.at + OTHERS
    const end = from + this.#others
    let at = from
    while (at < end && ((now - words[at]!) | 0) < this.#ticks.window) at++
    return (this.#count = at - from + 1)
  }

  protected spend(units: number): void {
    for (let left = units; left > 0; left--) this.#spendOne()
  }

  protected giveBack(units: number): void {
    for (let left = units; left > 0 && this.#count > 0; left--) this.#giveOneBack()
  }

  protected last(): number {
    return this.#numbers[this.at + LAST]!
  }

  protected timeOf(units: number): number {
    const behind = this.#count - Math.ceil(units - TOLERANCE)
    return behind <= 0 ? this.last() : this.#timeOfOther(behind - 1)
  }

  /** Where there is no room it takes that of the oldest: until that is out of the window, the others are a whole limit. */
  #spendOne(): void {
    const words = this.#words
    const from = 2 * this.at + OTHERS
    if (this.#count === 0) {
      if (this.#others > 0) words[from] = this.#longAgo()
    } else if (this.#others > 0) {
      // With what stands behind the first of them.
      for (let at = from + Math.min(this.#count, this.#others - 1); at > from; at--) words[at] = words[at - 1]!
      words[from] = this.#ticks.behind(this.last())
    }
    this.#count = Math.min(this.#count, this.#others) + 1
    this.#numbers[this.at + LAST] = this.now
  }

  #giveOneBack(): void {
    const words = this.#words
    const end = 2 * this.at + OTHERS + --this.#count
    this.#numbers[this.at + LAST] = this.#count === 0 ? Number.NEGATIVE_INFINITY : this.#timeOfOther(0)
    if (this.#count === 0) return
    for (let at = 2 * this.at + OTHERS; at + 1 < end; at++) words[at] = words[at + 1]!
    words[end - 1] = this.#longAgo()
  }

  #timeOfOther(index: number): number {
    return this.#ticks.timeOf(this.#words[2 * this.at + OTHERS + index]!, this.last())
  }

  /** A tick that is out of the window, and not so old that it would seem to be new while anything before it counts. */
  #longAgo(): number {
    return this.#ticks.before(this.now) - 2 * this.#ticks.window
  }
}
