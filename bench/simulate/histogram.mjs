/** Percentiles of millions of latencies, each within one percent. */

const STEP = Math.log(1.01)
const SHORTEST_MS = 0.01
const BUCKETS = 2000

export class Histogram {
  #counts = new Float64Array(BUCKETS)
  #total = 0

  add(ms) {
    const bucket = Math.floor(Math.log(ms / SHORTEST_MS) / STEP)
    this.#counts[Math.min(BUCKETS - 1, Math.max(0, bucket))]++
    this.#total++
  }

  /** `share` is 0.99 for the 99th percentile. */
  percentile(share) {
    let rest = Math.ceil(share * this.#total)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      rest -= this.#counts[bucket]
      if (rest <= 0) return SHORTEST_MS * Math.exp((bucket + 0.5) * STEP)
    }
    return 0
  }
}
