/** What an upstream is made of, and what it says of itself. */
import type { Clock } from '@sluice/wire'
import type { Random } from '../proxy-settings.ts'
import type { Transport, TransportStats } from '../transport/transport.ts'
import type { BalancerFactory } from './balancer.ts'
import type { GateFactory } from './gate.ts'
import type { RetryBudgetOptions } from './retry-budget.ts'
import type { TargetSource } from './target-source.ts'
import type { TargetConfig, TargetState } from './target.ts'

/** Options of `createUpstream`. */
export interface UpstreamOptions {
  /** At least one, or a source that finds them. A string is short for `{ url }`. */
  readonly targets: readonly (string | TargetConfig)[] | TargetSource
  /** @default roundRobin() */
  readonly balancer?: BalancerFactory
  /** A target is admissible where all of them admit it. @default [] */
  readonly gates?: readonly GateFactory[]
  /**
   * Where gates leave less than this share of the targets that are `up`, their word counts for nothing and all of those are
   * used: a few that are left would only fall over too, and it may be the checks that are wrong. 0.5 is Envoy's. 0 never
   * uses what a gate has closed.
   * @default 0
   */
  readonly panicThreshold?: number
  /** Attempts under way at all targets together; beyond, exchanges wait. @default Infinity */
  readonly maxActive?: number
  /** The same for each target that has no `maxActive` of its own. @default Infinity */
  readonly maxActivePerTarget?: number
  /** How many exchanges may wait for a place; the next gets 503 `ERR_SLUICE_QUEUE_FULL`. @default 1024 */
  readonly maxPending?: number
  /** Longest such wait; then the same 503. 0 for none. @default 10_000 */
  readonly pendingTimeoutMs?: number
  /** Who is next: `fifo`, or `lifo`, which under overload serves some in time instead of everybody late. @default 'fifo' */
  readonly pendingOrder?: 'fifo' | 'lifo'
  /** Default of `forward`'s option for this upstream. @default 60_000 */
  readonly headTimeoutMs?: number
  /** Default of `forward`'s option for this upstream. @default 60_000 */
  readonly bodyIdleTimeoutMs?: number
  /** Default of `forward`'s option for this upstream. @default 0 */
  readonly totalTimeoutMs?: number
  /** Bounds the attempts beyond the first that `forward` makes when a target can't be reached. */
  readonly retryBudget?: RetryBudgetOptions
  /** How attempts are carried. @default wireTransport() */
  readonly transport?: Transport
  /** @default systemClock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: Random
}

/** The state of a balancer or a gate as plain data. */
export interface PartSnapshot {
  readonly name: string
  /** What it says of itself; missing where it says nothing. */
  readonly state: unknown
}

/** A target's state as plain data. */
export interface TargetSnapshot {
  readonly key: string
  readonly url: string
  readonly state: TargetState
  /** Whether it was removed and finishes what it has. */
  readonly isLeaving: boolean
  readonly weight: number
  readonly effectiveWeight: number
  /** Attempts under way. */
  readonly active: number
  /** Whether it may be picked at this moment. */
  readonly admitted: boolean
  /** Why not; empty where it is admitted. */
  readonly reasons: readonly string[]
  readonly connections: TransportStats
}

/** An upstream's state as plain data. */
export interface UpstreamSnapshot {
  readonly name: string
  readonly balancer: PartSnapshot
  readonly gates: readonly PartSnapshot[]
  /** Attempts under way, and exchanges that wait for a place. */
  readonly active: number
  readonly pending: number
  /** Whether the word of the gates counts for nothing at the moment. */
  readonly isPanicking: boolean
  /** What the source of the targets says of itself; missing where they are written down. */
  readonly source?: unknown
  readonly targets: readonly TargetSnapshot[]
}
