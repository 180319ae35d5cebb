/** One target after the other. Ignores weights (a target of weight 0 is left out all the same). */
import type { Exchange } from '../exchange.ts'
import type { Attempt } from './attempt.ts'
import { type Balancer, type BalancerFactory, mayPick } from './balancer.ts'
import type { Target } from './target.ts'

/** The default balancer. Starts anywhere, so that many proxies that start together do not all begin with one target. */
export function roundRobin(): BalancerFactory {
  return ({ random }) => new RoundRobin(random())
}

class RoundRobin implements Balancer {
  readonly name = 'round-robin'
  readonly #offset: number
  #targets: readonly Target[] = []
  #next = -1

  constructor(offset: number) {
    this.#offset = offset
  }

  update(targets: readonly Target[]): void {
    this.#targets = targets.filter((target) => target.effectiveWeight > 0)
    if (this.#next < 0) this.#next = Math.floor(this.#offset * this.#targets.length)
  }

  pick(_exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const targets = this.#targets
    for (let i = 0; i < targets.length; i++) {
      this.#next = this.#next + 1 >= targets.length ? 0 : this.#next + 1
      const target = targets[this.#next]!
      if (mayPick(target, tried)) return target
    }
    return undefined
  }
}
