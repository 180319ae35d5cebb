/** Runs probes, a bounded number at a time and each within its time; others wait in the order in which they came. */
import type { Clock } from '@sluice/wire'
import type { HealthPolicy } from './health-options.ts'
import type { ProbeOutcome } from './probe.ts'
import type { TargetHealth } from './target-health.ts'

/** A probe that has ended. */
export interface EndedProbe {
  readonly outcome: ProbeOutcome
  /** When it began, by the clock, after it had waited. */
  readonly startedAt: number
}

export class ProbeQueue {
  readonly #policy: HealthPolicy
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(policy: HealthPolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
  }

  /** Probes a target; gives nothing where the target was forgotten while it waited. */
  async run(state: TargetHealth): Promise<EndedProbe | undefined> {
    // A place that becomes free goes to the first that waits, and is not counted down in between.
    if (this.#running < this.#policy.maxConcurrentProbes) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return state.isForgotten ? undefined : await this.#probe(state)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  async #probe(state: TargetHealth): Promise<EndedProbe> {
    const { prober, timeoutMs } = this.#policy
    const startedAt = this.#clock.now()
    const probe = prober(state.target)
    const cancel = (problem: string): void => probe.cancel(problem)
    state.cancel = cancel
    const timeout = this.#clock.schedule(timeoutMs, () => probe.cancel(`the probe took longer than ${timeoutMs} ms`))
    const outcome = await probe.outcome
    timeout.cancel()
    state.cancel = undefined
    return { outcome, startedAt }
  }
}
