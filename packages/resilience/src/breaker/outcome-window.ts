/** Successes and failures of the last while, in ten buckets: the oldest tenth is forgotten at a time. */

const BUCKETS = 10

/** Counts results over a sliding window. Recording allocates nothing. */
export class OutcomeWindow {
  readonly #bucketMs: number
  readonly #successes: Uint32Array = new Uint32Array(BUCKETS)
  readonly #failures: Uint32Array = new Uint32Array(BUCKETS)
  #current = Number.NEGATIVE_INFINITY
  #successTotal = 0
  #failureTotal = 0

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS
  }

  get successes(): number {
    return this.#successTotal
  }

  get failures(): number {
    return this.#failureTotal
  }

  succeeded(now: number): void {
    this.moveTo(now)
    this.#successes[bucketOf(this.#current)]!++
    this.#successTotal++
  }

  failed(now: number): void {
    this.moveTo(now)
    this.#failures[bucketOf(this.#current)]!++
    this.#failureTotal++
  }

  /** What was reported as a success has failed after all. Where the success is too old to be known, only the failure counts. */
  brokeOff(now: number): void {
    this.failed(now)
    for (let back = 0; back < BUCKETS; back++) {
      const bucket = bucketOf(this.#current - back)
      if (this.#successes[bucket] === 0) continue
      this.#successes[bucket]!--
      this.#successTotal--
      return
    }
  }

  /** Forgets what is too old by now. Time that seems to go back changes nothing. */
  moveTo(now: number): void {
    const current = Math.floor(now / this.#bucketMs)
    if (current <= this.#current) return
    if (current - this.#current >= BUCKETS) this.clear()
    else for (let each = this.#current + 1; each <= current; each++) this.#empty(bucketOf(each))
    this.#current = current
  }

  clear(): void {
    this.#successes.fill(0)
    this.#failures.fill(0)
    this.#successTotal = 0
    this.#failureTotal = 0
  }

  #empty(bucket: number): void {
    this.#successTotal -= this.#successes[bucket]!
    this.#failureTotal -= this.#failures[bucket]!
    this.#successes[bucket] = 0
    this.#failures[bucket] = 0
  }
}

/** A clock may start below zero. */
function bucketOf(index: number): number {
  const rest = index % BUCKETS
  return rest < 0 ? rest + BUCKETS : rest
}
