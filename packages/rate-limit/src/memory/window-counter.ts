/**
 * Sliding windows: a unit counts until a whole window has passed since it was spent. Counting the window before in part, as
 * many do, takes less memory and lets twice the limit through in one window where the units were spent at its end.
 */
import type { Policy } from '../policy/policy.ts'
import type { Outcome } from '../store/store.ts'
import { type Counter, TOLERANCE } from './counter.ts'
import { KeyTable } from './key-table.ts'
import { WindowRings } from './window-rings.ts'

export class WindowCounter implements Counter {
  fits = true
  readonly #limit: number
  readonly #windowMs: number
  readonly #table: KeyTable
  readonly #rings: WindowRings
  /** One more than the ring of each place; 0 for none. */
  readonly #ringOf: Int32Array
  #now = 0
  #place = 0
  #left = 0
  #isLeftOut = false

  constructor({ limit, windowMs }: Policy, maxKeys: number) {
    this.#limit = limit
    this.#windowMs = windowMs
    this.#rings = new WindowRings(limit, windowMs)
    this.#table = new KeyTable(
      maxKeys,
      (from, to) => this.#move(from, to),
      (place) => this.#drop(place),
    )
    this.#ringOf = new Int32Array(this.#table.places)
  }

  get keys(): number {
    return this.#table.count
  }

  get turnedAway(): number {
    return this.#table.turnedAway
  }

  look(key: string, cost: number, now: number, ownOnly: boolean): void {
    const place = this.#table.placeOf(key, now)
    this.#now = now
    this.#place = place
    this.#isLeftOut = ownOnly && this.#table.isShared(place)
    if (this.#isLeftOut) {
      this.#left = this.#limit
      this.fits = true
      return
    }
    this.#rings.select(this.#ringAt(place))
    this.#rings.forget(now - this.#windowMs)
    this.#left = this.#limit - this.#rings.total
    this.fits = this.#left + TOLERANCE >= cost
  }

  take(cost: number): void {
    if (this.#isLeftOut || cost === 0) return
    this.#rings.add(this.#now, cost)
    this.#table.setResetAt(this.#place, this.#rings.newest + this.#windowMs)
  }

  outcome(cost: number, admitted: boolean, charged: boolean): Outcome {
    const remaining = charged ? this.#left - cost : this.#left
    const untilForgotten = (time: number): number => Math.max(0, time + this.#windowMs - this.#now)
    const resetMs = this.#isLeftOut ? 0 : untilForgotten(this.#rings.newest)
    const missing = Math.min(cost, this.#limit) - remaining
    const retryAfterMs = admitted ? 0 : untilForgotten(this.#rings.timeOf(missing))
    return { admitted, remaining, resetMs, retryAfterMs }
  }

  #ringAt(place: number): number {
    const known = this.#ringOf[place]!
    if (known !== 0) return known - 1
    const ring = this.#rings.open()
    this.#ringOf[place] = ring + 1
    return ring
  }

  #move(from: number, to: number): void {
    this.#ringOf[to] = this.#ringOf[from]!
    this.#ringOf[from] = 0
  }

  #drop(place: number): void {
    const ring = this.#ringOf[place]!
    if (ring !== 0) this.#rings.close(ring - 1)
    this.#ringOf[place] = 0
  }
}
