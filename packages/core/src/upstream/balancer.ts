/** What picks a target among those that are admissible. */
import type { Clock } from '@sluice/wire'
import type { Exchange } from '../exchange.ts'
import type { Random } from '../proxy-settings.ts'
import type { Attempt } from './attempt.ts'
import type { Target } from './target.ts'

/** A balancer of one upstream. */
export interface Balancer {
  readonly name: string
  /** The admissible targets, whenever they or their effective weights change, and once at the start. */
  update(targets: readonly Target[]): void
  /**
   * One of them; `undefined` where there is none, or none is left that was not tried. O(1) or O(log n), without
   * allocation. `tried` holds the exchange's earlier attempts, whose targets are to be avoided.
   */
  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined
}

/** What a balancer gets from its upstream. */
export interface BalancerServices {
  readonly upstream: string
  readonly clock: Clock
  readonly random: Random
}

/** Makes a balancer; an option such as `balancer: leastConnections()` holds one of these. */
export type BalancerFactory = (services: BalancerServices) => Balancer

/** Whether an earlier attempt of the exchange went to this target. */
export function wasTried(target: Target, tried: readonly Attempt[]): boolean {
  for (let i = 0; i < tried.length; i++) if (tried[i]!.target === target) return true
  return false
}
