/** What both kinds of sliding windows do: they differ in where entries lie, and in what stands beside the key. */
import type { Policy } from '../policy/policy.ts'
import type { Outcome } from '../store/store.ts'
import { type Counter, TOLERANCE } from './counter.ts'
import type { KeyHash } from './key-hash.ts'
import type { KeyTable } from './key-table.ts'

export abstract class SlidingCounter implements Counter {
  fits = true
  protected readonly windowMs: number
  protected readonly table: KeyTable
  protected now = 0
  /** Where the numbers of the key that is looked at begin. */
  protected at = 0
  readonly #limit: number
  readonly #stride: number
  #left = 0
  #isLeftOut = false

  constructor({ limit }: Policy, windowMs: number, table: KeyTable) {
    this.#limit = limit
    this.windowMs = windowMs
    this.table = table
    this.#stride = table.shape.numbers
  }

  get keys(): number {
    return this.table.count
  }

  get turnedAway(): number {
    return this.table.turnedAway
  }

  touch(key: KeyHash): void {
    this.table.touch(key)
  }

  look(key: KeyHash, cost: number, now: number, ownOnly: boolean): void {
    const place = this.table.placeOf(key, now)
    this.now = now
    this.at = place * this.#stride
    this.#isLeftOut = ownOnly && this.table.isShared(place)
    this.#left = this.#isLeftOut ? this.#limit : this.#limit - this.spent()
    this.fits = this.#isLeftOut || this.#left + TOLERANCE >= cost
  }

  take(cost: number): void {
    if (this.#isLeftOut || cost === 0) return
    if (cost > 0) this.spend(cost)
    else this.giveBack(-cost)
  }

  outcome(cost: number, admitted: boolean, charged: boolean): Outcome {
    const remaining = charged ? this.#left - cost : this.#left
    const resetMs = this.#isLeftOut ? 0 : this.#untilForgotten(this.last())
    const retryAfterMs = admitted ? 0 : this.#untilForgotten(this.timeOf(Math.min(cost, this.#limit) - remaining))
    return { admitted, remaining, resetMs, retryAfterMs }
  }

  /** Forgets what is out of the window; gives the sum of the rest. */
  protected abstract spent(): number
  protected abstract spend(units: number): void
  /** From the last entries on. */
  protected abstract giveBack(units: number): void
  /** The time of the last entry. */
  protected abstract last(): number
  /** When the last of the first `units` was spent. */
  protected abstract timeOf(units: number): number

  #untilForgotten(time: number): number {
    return Math.max(0, time + this.windowMs - this.now)
  }
}
