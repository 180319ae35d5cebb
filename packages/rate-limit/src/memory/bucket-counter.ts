/**
 * Token buckets, of which one number a key is kept: when the bucket will be full again. That is the theoretical arrival time
 * of the generic cell rate algorithm (ITU-T I.371), and the same as a level with the time it was taken at: what a bucket
 * lacks is what flows in until then.
 *
 * Policies that are always given the same key share a table: the buckets of a key then lie beside each other, and are one look into
 * memory together.
 */
import { type Policy, unitMs } from '../policy/policy.ts'
import type { Outcome } from '../store/store.ts'
import { type Counter, TOLERANCE } from './counter.ts'
import type { KeyHash } from './key-hash.ts'
import { KeyTable, LAST } from './key-table.ts'

/** A counter for each of the policies, in one table. */
export function bucketCounters(policies: readonly Policy[], maxKeys: number): Counter[] {
  const count = policies.length
  const table = new KeyTable(maxKeys, { numbers: LAST + count, times: count, room: 1.5, owesMs: 0 })
  return policies.map((policy, index) => new BucketCounter(policy, table, index))
}

class BucketCounter implements Counter {
  fits = true
  readonly #burst: number
  readonly #unitMs: number
  readonly #table: KeyTable
  readonly #numbers: Float64Array
  readonly #index: number
  readonly #stride: number
  /** Where the bucket is that is looked at. */
  #at = 0
  /** When the bucket will be full: read once, so that nothing waits for memory twice. */
  #fullAt = 0
  /** Units that are in the bucket. */
  #level = 0
  #isLeftOut = false

  constructor(policy: Policy, table: KeyTable, index: number) {
    this.#burst = policy.burst
    this.#unitMs = unitMs(policy)
    this.#table = table
    this.#numbers = table.numbers
    this.#index = index
    this.#stride = table.shape.numbers
  }

  get keys(): number {
    return this.#table.count
  }

  get turnedAway(): number {
    return this.#table.turnedAway
  }

  touch(key: KeyHash): void {
    // The others lie where the first one does.
    if (this.#index === 0) this.#table.touch(key)
  }

  look(key: KeyHash, cost: number, now: number, ownOnly: boolean): void {
    const place = this.#index === 0 ? this.#table.placeOf(key, now) : this.#table.placeAgain(key, now)
    this.#at = place * this.#stride + LAST + this.#index
    this.#isLeftOut = ownOnly && this.#table.isShared(place)
    this.#fullAt = this.#isLeftOut ? now : Math.max(now, this.#numbers[this.#at]!)
    this.#level = this.#burst - (this.#fullAt - now) / this.#unitMs
    this.fits = this.#isLeftOut || this.#level + TOLERANCE >= cost
  }

  take(cost: number): void {
    if (!this.#isLeftOut) this.#numbers[this.#at] = this.#fullAt + cost * this.#unitMs
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
