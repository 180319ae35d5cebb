/** What decides whether a target may be picked at all, and learns from outcomes: health, ejection, breaker, slow start. */
import type { Clock } from '@sluice/wire'
import type { Random } from '../proxy-settings.ts'
import type { Attempt } from './attempt.ts'
import type { Target } from './target.ts'

/** A gate of one upstream. */
export interface Gate {
  readonly name: string
  /** Whether the target may be picked. Asked when something changes, not for each request. */
  admits(target: Target): boolean
  /** Why not, for `explain()`. */
  reason?(target: Target): string
  /** When it will be admitted again, by the clock, where that is known: for `Retry-After`. */
  admitsAgainAt?(target: Target): number | undefined
  /** An attempt is about to be sent to the target. */
  began?(target: Target, attempt: Attempt): void
  /**
   * Learns from an attempt: called when its head has come or it has failed, and once more where its body breaks later.
   * `attempt.phase` tells which. What says nothing about the target is not reported: an attempt that the client
   * cancelled, or one that was refused for want of room here.
   */
  observe(target: Target, attempt: Attempt): void
  /** The attempt is over, whichever way; called once for each `began`, after the last `observe`. */
  ended?(target: Target, attempt: Attempt): void
  /** The target has become admissible to all gates, or is new and is. Not called for those that an upstream begins with. */
  entered?(target: Target): void
  /** A factor for the target's weight, 0 to 1. @default 1 */
  weight?(target: Target): number
  /** Live state as plain data. */
  snapshot?(): unknown
  /** Frees timers and the like. */
  close?(): void
}

/** What a gate gets from its upstream. */
export interface GateServices {
  readonly upstream: string
  readonly clock: Clock
  readonly random: Random
  /** All targets at this moment. A target that leaves and comes back is another object: key state by it, weakly. */
  targets(): readonly Target[]
  /** Says that an answer of `admits` or `weight` is different from now on, for one target or, without one, for any. */
  changed(target?: Target): void
}

/** Makes a gate; an option such as `gates: [outlierEjection()]` holds these. */
export type GateFactory = (services: GateServices) => Gate
