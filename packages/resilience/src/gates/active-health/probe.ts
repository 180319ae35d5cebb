/** One probe of a target: what every kind of probe is and gives. */
import type { Target } from '@sluice/core'

/** How one probe went. */
export interface ProbeOutcome {
  /** What was wrong, in plain words without addresses; `undefined` where all was well. */
  readonly problem: string | undefined
  /** The reply's status, where there was one. */
  readonly status: number | undefined
}

/** A probe under way. Its outcome never rejects. */
export interface RunningProbe {
  readonly outcome: Promise<ProbeOutcome>
  /** Gives it up, and frees what it holds; the outcome is then `problem`. Harmless once it is over. */
  cancel(problem: string): void
}

/**
 * Starts a probe of a target. It has no time limit of its own. It keeps the process alive only while it connects, which Node
 * gives no way to avoid.
 */
export type Prober = (target: Target) => RunningProbe

/** Why a connection or a request failed, without host and address: codes such as ECONNREFUSED are safe to show. */
export function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the probe failed'
  if ('code' in error && typeof error.code === 'string') return `the probe failed with ${error.code}`
  // Of an address each.
  if (error instanceof AggregateError && error.errors.length > 0) return problemOf(error.errors[0])
  return `the probe failed with ${error.name}`
}
