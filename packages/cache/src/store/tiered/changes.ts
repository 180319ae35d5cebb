/**
 * Whether something was written or forgotten under a key since it was asked for behind: what is found then may be older than what stands in
 * front, and must not take its place. Counted for many keys together, so that it takes no memory for each: now and then an entry stays behind for
 * another's sake, and comes to the front the next time.
 *
 * What was written behind alone is found there a little later, and what stood there before until then.
 */
import type { Clock } from '@sluice/wire'
import { hashOf } from '../../key/key-hash.ts'

const COUNTERS = 32_768
/** So long, at most, as a rule. */
const UNSETTLED_MS = 2_000
const MAX_UNSETTLED = 10_000

export class Changes {
  readonly #clock: Clock
  readonly #counts = new Uint32Array(COUNTERS)
  /** Until when, in the order in which they came. */
  readonly #unsettled = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(key: string): void {
    this.#counts[placeOf(key)]!++
  }

  /** It changes behind alone: the front does not have it. */
  noteBehind(key: string): void {
    this.note(key)
    const now = this.#clock.now()
    this.#unsettled.delete(key)
    this.#unsettled.set(key, now + UNSETTLED_MS)
    for (const [oldest, until] of this.#unsettled) {
      if (until > now && this.#unsettled.size <= MAX_UNSETTLED) return
      this.#unsettled.delete(oldest)
    }
  }

  /** The same as long as nothing has changed; `undefined` where something is changing. */
  count(key: string): number | undefined {
    const until = this.#unsettled.get(key)
    return until !== undefined && until > this.#clock.now() ? undefined : this.#counts[placeOf(key)]!
  }
}

function placeOf(key: string): number {
  return hashOf(key) & (COUNTERS - 1)
}
