/** Targets in levels: the first gets everything as long as it is healthy enough, the next ones what it can't take. */
import type { Attempt, Balancer, BalancerFactory, BalancerServices, Exchange, Target } from '@sluice/core'
import { numberOption, type OptionNames, strictOption } from '@sluice/core/options'
import { healthyShare, innerBalancer, type Part, PartedBalancer } from './parted-balancer.ts'

/** Options of {@link priorities}. */
export interface PrioritiesOptions {
  /** Picks within a level; each level has one of its own. @default roundRobin() */
  readonly balancer?: BalancerFactory
  /**
   * A level gets everything while the healthy share of its weight times this is 1 or more. 1.4 means: until less than 72 %
   * of it are left. At least 1.
   * @default 1.4
   */
  readonly overprovisioning?: number
}

const NAMES: OptionNames<PrioritiesOptions> = {
  balancer: true,
  overprovisioning: true,
}

/**
 * Priority levels as in Envoy ("Priority levels", load balancing): a level takes min(1, healthy share ×
 * `overprovisioning`) of the traffic, the next level as much of the rest as it can, and so on; where all together can't
 * take everything, all of it is shared in these proportions. A target's level is its `priority`: 0 comes first. Healthy is
 * what is admissible, by configured weight: what is set to `down` or `drain` counts as missing.
 *
 * Where no target of the level that was drawn may be picked (tried, or full), the others are asked, the first level first.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `priorities.balancer`, `priorities.overprovisioning`
 */
export function priorities(options: PrioritiesOptions = {}): BalancerFactory {
  strictOption(options, NAMES, 'priorities')
  const balancer = innerBalancer(options.balancer, 'priorities.balancer')
  const overprovisioning = numberOption(options.overprovisioning, 1.4, 'priorities.overprovisioning', 1, 1000)
  return (services) => new Priorities(services, balancer, overprovisioning)
}

/** A level's state as plain data. */
export interface PriorityLevelSnapshot {
  readonly priority: number
  /** The share of its weight that is admissible, 0 to 1. */
  readonly healthy: number
  /** The share of the traffic that it gets, 0 to 1. */
  readonly load: number
}

interface Level extends PriorityLevelSnapshot {
  readonly balancer: Balancer
  /** The loads of this level and of those before it. */
  readonly until: number
}

class Priorities extends PartedBalancer {
  readonly name = 'priorities'
  readonly #overprovisioning: number
  #levels: readonly Level[] = []

  constructor(services: BalancerServices, balancer: BalancerFactory, overprovisioning: number) {
    super(services, balancer)
    this.#overprovisioning = overprovisioning
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const levels = this.#levels
    let drawn = 0
    if (levels.length > 1 && levels[0]!.load < 1) {
      const place = this.services.random()
      while (drawn < levels.length - 1 && place >= levels[drawn]!.until) drawn++
    }
    const target = levels[drawn]?.balancer.pick(exchange, tried)
    if (target !== undefined) return target
    for (let i = 0; i < levels.length; i++) {
      const other = i === drawn ? undefined : levels[i]!.balancer.pick(exchange, tried)
      if (other !== undefined) return other
    }
    return undefined
  }

  snapshot(): readonly PriorityLevelSnapshot[] {
    return this.#levels.map(({ priority, healthy, load }) => ({ priority, healthy, load }))
  }

  protected partOf(target: Target): string {
    return String(target.priority)
  }

  protected dealt(parts: readonly Part[]): void {
    const inOrder = parts.toSorted((a, b) => Number(a.key) - Number(b.key))
    const healthy = inOrder.map(healthyShare)
    const able = healthy.map((share) => Math.min(1, share * this.#overprovisioning))
    const sum = able.reduce((total, each) => total + each, 0)
    // Less than 1 is shared out in proportion; where nobody can take anything, there is nothing to share.
    const scale = sum > 0 && sum < 1 ? 1 / sum : 1
    let until = 0
    this.#levels = inOrder.map(({ key, balancer }, i) => {
      const load = Math.min(1 - until, able[i]! * scale)
      until += load
      return { priority: Number(key), healthy: healthy[i]!, load, until, balancer }
    })
  }
}
