/**
 * Quantiles of recent durations, in constant space: a histogram with buckets that grow by a constant factor, as HDR
 * histograms and DDSketch have, of which the older half is forgotten at a time. A quantile is off by 4.5 % at the most.
 */

/** Buckets for each doubling of the duration. */
const PER_OCTAVE = 16
/** What the first bucket ends at; shorter durations are counted there. */
const SHORTEST_MS = 0.0625
/** From 1/16 ms to 17 minutes. */
const BUCKETS = 24 * PER_OCTAVE
/** A quantile is looked for anew after so many durations: what came in between can't move it far. */
const FRESH_FOR = 16

/** The durations of the last while: of at least half a window, and of a whole one at most. */
export class LatencyWindow {
  readonly #halfMs: number
  #current: Uint32Array = new Uint32Array(BUCKETS)
  #previous: Uint32Array = new Uint32Array(BUCKETS)
  #currentCount = 0
  #previousCount = 0
  /** When the current half began. */
  #since = Number.NEGATIVE_INFINITY
  #cached: number | undefined = undefined
  #cachedFor = -1
  #unseen = 0

  constructor(windowMs: number) {
    this.#halfMs = windowMs / 2
  }

  record(now: number, durationMs: number): void {
    this.#moveTo(now)
    this.#current[bucketOf(durationMs)]!++
    this.#currentCount++
    if (++this.#unseen >= FRESH_FOR) this.#cachedFor = -1
  }

  /** How many durations are known. */
  count(now: number): number {
    this.#moveTo(now)
    return this.#currentCount + this.#previousCount
  }

  /** The duration that this share (0 to 1) of them does not exceed; missing where none is known. */
  quantile(now: number, share: number): number | undefined {
    this.#moveTo(now)
    if (this.#cachedFor !== share) {
      this.#cached = this.#find(share)
      this.#cachedFor = share
      this.#unseen = 0
    }
    return this.#cached
  }

  #find(share: number): number | undefined {
    let left = Math.ceil(share * (this.#currentCount + this.#previousCount))
    if (left === 0) return undefined
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#current[bucket]! + this.#previous[bucket]!
      if (left <= 0) return endOf(bucket)
    }
    return endOf(BUCKETS - 1)
  }

  #moveTo(now: number): void {
    const elapsed = now - this.#since
    if (elapsed < this.#halfMs) return
    const oldest = this.#previous
    this.#previous = this.#current
    this.#previousCount = this.#currentCount
    this.#current = oldest.fill(0)
    this.#currentCount = 0
    if (elapsed >= 2 * this.#halfMs) {
      this.#previous.fill(0)
      this.#previousCount = 0
    }
    this.#since = now
    this.#cachedFor = -1
  }
}

function bucketOf(durationMs: number): number {
  if (!(durationMs > SHORTEST_MS)) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log2(durationMs / SHORTEST_MS) * PER_OCTAVE))
}

/** The longest duration that is counted in this bucket. */
function endOf(bucket: number): number {
  return SHORTEST_MS * 2 ** (bucket / PER_OCTAVE)
}
