/**
 * The targets: some workers each, and in front of them a queue in which requests wait as long as clients do. One in ten
 * is slow, one in ten answers 503 at once.
 */

/** What is wrong with a target. */
export const WELL = 0
export const SLOW = 1
export const FAILING = 2

export class SimulatedTargets {
  /** What became of the request that was received last: when its target is done with it, and how it answers. */
  endsAt = 0
  /** 0 where the client's patience is over first. */
  status = 0
  /** By target. */
  received
  #plan
  /** When each worker has done all that was given to it so far. */
  #freeAt

  constructor(plan) {
    this.#plan = plan
    this.received = new Float64Array(plan.targets)
    this.#freeAt = new Float64Array(plan.targets * plan.workers)
  }

  /** What is wrong with a target, by its place in the list. */
  static kindOf(index) {
    if (index % 10 === 3) return SLOW
    return index % 10 === 7 ? FAILING : WELL
  }

  /**
   * A request has come. The queue is first come, first served, so its fate is known at once: it is for the worker that is
   * free first. One that has waited for `timeoutMs` leaves the queue; one that is being served then is served to its end,
   * as by a target that looks at its connection only when it has an answer.
   */
  receive(index, now, factor) {
    const { workers, medianMs, slowFactor, failureMs, timeoutMs } = this.#plan
    const freeAt = this.#freeAt
    let worker = index * workers
    for (let i = worker + 1; i < (index + 1) * workers; i++) if (freeAt[i] < freeAt[worker]) worker = i
    this.received[index]++
    const kind = SimulatedTargets.kindOf(index)
    const startsAt = Math.max(now, freeAt[worker])
    const givenUpAt = now + timeoutMs
    this.endsAt = givenUpAt
    this.status = 0
    if (startsAt >= givenUpAt) return
    const serviceMs = factor * (kind === FAILING ? failureMs : kind === SLOW ? medianMs * slowFactor : medianMs)
    freeAt[worker] = startsAt + serviceMs
    if (freeAt[worker] > givenUpAt) return
    this.endsAt = freeAt[worker]
    this.status = kind === FAILING ? 503 : 200
  }
}

/** Requests per millisecond that use so much of what the targets could do, were they all well. */
export function arrivalRate({ targets, workers, medianMs, sigma, utilisation }) {
  const meanMs = medianMs * Math.exp(sigma ** 2 / 2)
  return (utilisation * targets * workers) / meanMs
}
