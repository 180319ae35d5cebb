/** Any target, each as likely as the other. Ignores weights (a target of weight 0 is left out all the same). */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type Exchange,
  mayPick,
  type Random,
  type Target,
} from '@sluice/core'
import { MAX_DRAWS } from './chance.ts'

/**
 * Picks at random. Needs no state, so any number of proxies play together; but with as many requests as targets, the
 * busiest of n targets gets about ln n / ln ln n of them at once: see `powerOfTwoChoices`.
 */
export function random(): BalancerFactory {
  return (services) => new RandomChoice(services.random)
}

class RandomChoice implements Balancer {
  readonly name = 'random'
  readonly #random: Random
  #targets: readonly Target[] = []

  constructor(random: Random) {
    this.#random = random
  }

  update(targets: readonly Target[]): void {
    this.#targets = targets.filter((target) => target.effectiveWeight > 0)
  }

  pick(_exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const targets = this.#targets
    if (targets.length === 0) return undefined
    for (let i = 0; i < MAX_DRAWS; i++) {
      const target = targets[Math.floor(this.#random() * targets.length)]!
      if (mayPick(target, tried)) return target
    }
    return this.#choose(tried)
  }

  /** Few are left: counts them, so that the draw is even all the same. */
  #choose(tried: readonly Attempt[]): Target | undefined {
    const targets = this.#targets
    let count = 0
    for (let i = 0; i < targets.length; i++) if (mayPick(targets[i]!, tried)) count++
    let skip = Math.floor(this.#random() * count)
    for (let i = 0; i < targets.length; i++) if (mayPick(targets[i]!, tried) && skip-- === 0) return targets[i]
    return undefined
  }
}
