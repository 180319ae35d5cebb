/** What outlier ejection knows of one target. */
import type { Target } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import { FailureStreak } from '../breaker/failure-streak.ts'
import type { EjectionCause } from '../events.ts'

/** A target's state as plain data. Times are milliseconds of the clock. */
export interface EjectionSnapshot {
  readonly ejected: boolean
  /** Why, while it is ejected. */
  readonly cause: EjectionCause | undefined
  /** When it comes back, while it is ejected. */
  readonly until: number | undefined
  /** What the length of ejections goes by: one more with each, one less after each sweep without. */
  readonly ejections: number
  readonly consecutiveGatewayErrors: number
  readonly consecutiveServerErrors: number
  /** Results since the last sweep. */
  readonly successes: number
  readonly failures: number
}

/** An ejection under way. */
export interface Ejection {
  readonly cause: EjectionCause
  readonly until: number
  readonly wakeUp: ScheduledCall
}

/** Live counters of one target. */
export class EjectionRecord {
  readonly target: Target
  readonly gatewayErrors: FailureStreak = new FailureStreak()
  readonly serverErrors: FailureStreak = new FailureStreak()
  successes = 0
  failures = 0
  ejections = 0
  ejection: Ejection | undefined = undefined
  /** When it last came back: what began earlier says nothing about how it is now. */
  since: number = Number.NEGATIVE_INFINITY

  constructor(target: Target) {
    this.target = target
  }

  /** A reply's head. */
  replied(status: number): void {
    if (status < 500) {
      this.successes++
      this.gatewayErrors.succeeded()
      this.serverErrors.succeeded()
      return
    }
    this.failures++
    this.serverErrors.failed()
    // 502, 503, 504: the target says that what stands behind it is not there.
    if (status >= 502 && status <= 504) this.gatewayErrors.failed()
    else this.gatewayErrors.succeeded()
  }

  /** No reply. */
  failed(): void {
    this.failures++
    this.gatewayErrors.failed()
    this.serverErrors.failed()
  }

  /** A reply that had counted as a success broke in its body. */
  brokeOff(): void {
    this.failures++
    if (this.successes > 0) this.successes--
    this.gatewayErrors.brokeOff()
    this.serverErrors.brokeOff()
  }

  /** Begins anew, but for the memory of its ejections. */
  clear(): void {
    this.successes = 0
    this.failures = 0
    this.gatewayErrors.clear()
    this.serverErrors.clear()
  }

  snapshot(): EjectionSnapshot {
    return {
      ejected: this.ejection !== undefined,
      cause: this.ejection?.cause,
      until: this.ejection?.until,
      ejections: this.ejections,
      consecutiveGatewayErrors: this.gatewayErrors.length,
      consecutiveServerErrors: this.serverErrors.length,
      successes: this.successes,
      failures: this.failures,
    }
  }
}
