/** One policy's counts in this process: what a bucket and a window have in common. */
import type { Outcome } from '../store/store.ts'
import type { KeyHash } from './key-hash.ts'

/** How much a sum of times may be off, in units: without it a bucket that is full to the brim could seem a hair short. */
export const TOLERANCE = 1e-6

/**
 * A request is first looked at under all its policies and then charged to all or none: what `look` has found is kept until
 * the next one.
 */
export interface Counter {
  /** How many keys it knows. */
  readonly keys: number
  /** How many times a key had to share a place. */
  readonly turnedAway: number
  /** Asks memory for what {@link look} is going to read; the key's counters in other tables are looked at only then. */
  touch(key: KeyHash): void
  /**
   * Finds the key, and whether `cost` fits. With `ownOnly`, for what has no place of its own it always does, and then
   * nothing is charged.
   */
  look(key: KeyHash, cost: number, now: number, ownOnly: boolean): void
  /** Whether the cost that was looked at fits. */
  readonly fits: boolean
  /** Charges what was looked at, and may fit or not; below 0 it gives units back. */
  take(cost: number): void
  /** What to say of what was looked at, and charged where it was `charged`. */
  outcome(cost: number, admitted: boolean, charged: boolean): Outcome
}
