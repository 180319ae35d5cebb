/** What active health knows of one target: a verdict that needs several probes to turn. */
import type { Target } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import type { HealthPolicy } from './health-options.ts'
import type { ProbeOutcome } from './probe.ts'

/** A target's health as plain data. Times are milliseconds of the clock. */
export interface TargetHealthSnapshot {
  readonly healthy: boolean
  /** Probes in a row that went as the last one did; 0 before the first. */
  readonly inARow: number
  /** What was wrong with the last probe. */
  readonly problem: string | undefined
  /** The status of the last probe's reply, where there was one. */
  readonly status: number | undefined
  /** When the last probe ended; `undefined` before the first. */
  readonly probedAt: number | undefined
  /** How long it took. */
  readonly durationMs: number | undefined
}

/** The live state of one target. */
export class TargetHealth {
  readonly target: Target
  healthy: boolean
  /** The next probe by schedule. */
  next: ScheduledCall | undefined = undefined
  /** Whoever waits for the probe that waits or is under way. */
  running: Promise<void> | undefined = undefined
  /** Gives up the probe that is under way. */
  cancel: ((problem: string) => void) | undefined = undefined
  isForgotten = false
  /** A probe was left out, since the target is `down` by hand. */
  isPaused = false
  #inARow = 0
  #last: ProbeOutcome | undefined = undefined
  #probedAt: number | undefined = undefined
  #durationMs: number | undefined = undefined

  constructor(target: Target, healthy: boolean) {
    this.target = target
    this.healthy = healthy
  }

  get problem(): string | undefined {
    return this.#last?.problem
  }

  get inARow(): number {
    return this.#inARow
  }

  /** Takes a probe's outcome in; says whether the verdict has turned. */
  learn(outcome: ProbeOutcome, policy: HealthPolicy, startedAt: number, now: number): boolean {
    const isFirst = this.#last === undefined
    const isWell = outcome.problem === undefined
    const goesOn = !isFirst && isWell === (this.#last?.problem === undefined)
    this.#inARow = goesOn ? this.#inARow + 1 : 1
    this.#last = outcome
    this.#probedAt = now
    this.#durationMs = now - startedAt
    if (isWell === this.healthy) return false
    const needed = isWell ? (isFirst ? 1 : policy.healthyAfter) : policy.unhealthyAfter
    if (this.#inARow < needed) return false
    this.healthy = isWell
    return true
  }

  snapshot(): TargetHealthSnapshot {
    return {
      healthy: this.healthy,
      inARow: this.#inARow,
      problem: this.#last?.problem,
      status: this.#last?.status,
      probedAt: this.#probedAt,
      durationMs: this.#durationMs,
    }
  }
}
