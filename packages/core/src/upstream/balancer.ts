/** What picks a target among those that are admissible. */
import type { Clock } from '@sluice/wire'
import type { Exchange } from '../exchange.ts'
import type { Random } from '../proxy-settings.ts'
import type { Reply } from '../reply.ts'
import type { Attempt } from './attempt.ts'
import type { Target } from './target.ts'

/** A balancer of one upstream. */
export interface Balancer {
  readonly name: string
  /** The admissible targets, whenever they or their effective weights change, and once at the start. */
  update(targets: readonly Target[]): void
  /**
   * One of them; `undefined` where there is none, or none is left that {@link mayPick} allows. O(1) or O(log n), without
   * allocation. `tried` holds the exchange's earlier attempts, whose targets are to be avoided.
   */
  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined
  /** An attempt is about to be sent: `target.active` has just grown. */
  began?(target: Target, attempt: Attempt): void
  /** The attempt is over, whichever way: `target.active` has just shrunk. Called once for each `began`. */
  ended?(target: Target, attempt: Attempt): void
  /** Learns from an attempt; called when a gate's `observe` is. */
  observe?(target: Target, attempt: Attempt): void
  /** The reply of a target is about to go on: for what the client has to be told, such as a cookie. */
  replied?(exchange: Exchange, attempt: Attempt, reply: Reply): void
  /** Live state as plain data. */
  snapshot?(): unknown
}

/** What a balancer gets from its upstream. */
export interface BalancerServices {
  readonly upstream: string
  readonly clock: Clock
  readonly random: Random
  /** All targets at this moment, those that are not admissible included. */
  targets(): readonly Target[]
  /**
   * What the gates say of a target, whatever its state: for what may go on at one that drains. Not for each pick of each
   * target: all gates are asked.
   */
  admits?(target: Target): boolean
}

/** Makes a balancer; an option such as `balancer: leastConnections()` holds one of these. */
export type BalancerFactory = (services: BalancerServices) => Balancer

/** Whether an earlier attempt of the exchange went to this target. */
export function wasTried(target: Target, tried: readonly Attempt[]): boolean {
  for (let i = 0; i < tried.length; i++) if (tried[i]!.target === target) return true
  return false
}

/** Whether a balancer may choose this admissible target now: it has room for another attempt, and was not tried before. */
export function mayPick(target: Target, tried: readonly Attempt[]): boolean {
  return target.active < target.maxActive && (tried.length === 0 || !wasTried(target, tried))
}
