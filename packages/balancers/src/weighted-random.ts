/** Any target, each in proportion to its weight. */
import type { Attempt, Balancer, BalancerFactory, Exchange, Random, Target } from '@sluice/core'
import { Chance } from './chance.ts'

/**
 * Picks at random in proportion to the weights, in constant time (Vose's alias method; the table is built when targets or
 * weights change). Shares are right in the long run only: for exact ones see `weightedRoundRobin`.
 */
export function weightedRandom(): BalancerFactory {
  return (services) => new WeightedRandom(services.random)
}

class WeightedRandom implements Balancer {
  readonly name = 'weighted-random'
  readonly #chance: Chance

  constructor(random: Random) {
    this.#chance = new Chance(random)
  }

  update(targets: readonly Target[]): void {
    this.#chance.update(targets)
  }

  pick(_exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    return this.#chance.pick(tried)
  }
}
