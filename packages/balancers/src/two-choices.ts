/**
 * Draws two targets and takes the better: M. Mitzenmacher, "The power of two choices in randomized load balancing" (IEEE
 * Transactions on Parallel and Distributed Systems, 2001). With n requests on n targets the busiest gets ln ln n / ln 2 +
 * O(1) of them, where one draw gives ln n / ln ln n; and unlike a search for the least, many proxies that do it at once do
 * not all run to the same target.
 *
 * With unequal weights each of the two is drawn in proportion to its weight, and their loads are compared per weight
 * (P. Berenbrink and others, "Balls into non-uniform bins", 2010).
 */
import { type Attempt, type Exchange, mayPick, type Random, type Target } from '@sluice/core'
import { Chance, chooseAmong, MAX_DRAWS } from './chance.ts'

export abstract class TwoChoices {
  protected readonly chance: Chance
  readonly #random: Random

  constructor(random: Random) {
    this.chance = new Chance(random)
    this.#random = random
  }

  update(targets: readonly Target[]): void {
    this.chance.update(targets)
  }

  pick(_exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const { chance } = this
    const { targets } = chance
    if (targets.length === 0) return undefined
    if (targets.length === 1) return mayPick(targets[0]!, tried) ? targets[0] : undefined
    for (let i = 0; i < MAX_DRAWS; i += 2) {
      const one = chance.draw()
      const other = chance.drawOther(one)
      if (mayPick(targets[one]!, tried)) {
        const isOther = one !== other && mayPick(targets[other]!, tried) && this.isBetter(other, one)
        return isOther ? targets[other] : targets[one]
      }
      if (mayPick(targets[other]!, tried)) return targets[other]
    }
    return chooseAmong(targets, tried, this.#random)
  }

  /** Whether the first of two indexes of the targets is clearly the better: where both are equal, it is not. */
  protected abstract isBetter(one: number, other: number): boolean
}
