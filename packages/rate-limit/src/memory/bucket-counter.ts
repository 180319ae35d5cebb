/**
 * Token buckets, of which one number a key is kept: when the bucket will be full again. That is the theoretical arrival time
 * of the generic cell rate algorithm (ITU-T I.371), and the same as a level with the time it was taken at: what a bucket
 * lacks is what flows in until then.
 */
import { type Policy, unitMs } from '../policy/policy.ts'
import type { Outcome } from '../store/store.ts'
import { type Counter, TOLERANCE } from './counter.ts'
import { KeyTable } from './key-table.ts'

export class BucketCounter implements Counter {
  fits = true
  readonly #burst: number
  readonly #unitMs: number
  readonly #table: KeyTable
  #now = 0
  #place = 0
  /** Units that are in the bucket. */
  #level = 0
  #isLeftOut = false

  constructor(policy: Policy, maxKeys: number) {
    this.#burst = policy.burst
    this.#unitMs = unitMs(policy)
    this.#table = new KeyTable(maxKeys)
  }

  get keys(): number {
    return this.#table.count
  }

  get turnedAway(): number {
    return this.#table.turnedAway
  }

  look(key: string, cost: number, now: number, ownOnly: boolean): void {
    const place = this.#table.placeOf(key, now)
    this.#place = place
    this.#now = now
    this.#isLeftOut = ownOnly && this.#table.isShared(place)
    const missingMs = this.#isLeftOut ? 0 : this.#table.resetAt(place) - now
    this.#level = missingMs > 0 ? this.#burst - missingMs / this.#unitMs : this.#burst
    this.fits = this.#isLeftOut || this.#level + TOLERANCE >= cost
  }

  take(cost: number): void {
    if (this.#isLeftOut) return
    const from = this.#table.resetAt(this.#place)
    this.#table.setResetAt(this.#place, (from > this.#now ? from : this.#now) + cost * this.#unitMs)
  }

  outcome(cost: number, admitted: boolean, charged: boolean): Outcome {
    const remaining = charged ? this.#level - cost : this.#level
    return {
      admitted,
      remaining,
      resetMs: (this.#burst - remaining) * this.#unitMs,
      retryAfterMs: admitted ? 0 : (Math.min(cost, this.#burst) - remaining) * this.#unitMs,
    }
  }
}
