/** Each target as often as its weight says, and evenly spread: smooth weighted round-robin, in the order of nginx. */
import type { Attempt, Balancer, BalancerFactory, Exchange, Random, Target } from '@sluice/core'
import { DeadlineOrder } from './deadline-order.ts'
import { SmoothOrder } from './smooth-order.ts'

/** So many different weights are looked at for each pick; with more, the order is that of deadlines. */
const MAX_DIFFERENT_WEIGHTS = 64

/**
 * Picks in the order of nginx's smooth weighted round-robin: with whole weights, every window as long as their sum has
 * each target exactly as often as its weight says; weights 5, 1, 1 give `a a b a c a a`. Without weights it is round-robin.
 *
 * The order is nginx's wherever there are at most 64 different effective weights, whatever the number of targets. With
 * more of them (thousands of targets in a slow start, say) the shares are as exact, in an order of their own. Weights may
 * have fractions and change at any time: what each target has still to get is kept.
 */
export function weightedRoundRobin(): BalancerFactory {
  return (services) => new WeightedRoundRobin(services.random)
}

class WeightedRoundRobin implements Balancer {
  readonly name = 'weighted-round-robin'
  readonly #random: Random
  #targets: readonly Target[] = []
  #weights: readonly number[] = []
  #order: SmoothOrder | DeadlineOrder = new SmoothOrder([])

  constructor(random: Random) {
    this.#random = random
  }

  update(targets: readonly Target[]): void {
    const weighted = targets.filter((target) => target.effectiveWeight > 0)
    const weights = weighted.map((target) => target.effectiveWeight)
    const isSame =
      weighted.length === this.#targets.length &&
      weighted.every((target, i) => target === this.#targets[i] && weights[i] === this.#weights[i])
    if (isSame) return
    const before = this.#order
    this.#targets = weighted
    this.#weights = weights
    this.#order =
      new Set(weights).size <= MAX_DIFFERENT_WEIGHTS
        ? new SmoothOrder(weighted, before instanceof SmoothOrder ? before : undefined)
        : new DeadlineOrder(weighted, this.#random, before instanceof DeadlineOrder ? before : undefined)
  }

  pick(_exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    return this.#order.pick(tried)
  }
}
