/**
 * Draws among targets, in proportion to their weights. Most draws need no look at all targets; where too many of them are
 * refused, {@link chooseAmong} looks at all of them once, so that one is found wherever there is one.
 */
import { type Attempt, mayPick, type Random, type Target } from '@sluice/core'
import { AliasTable } from './alias-table.ts'

/** How often a refused draw is repeated before all targets are looked at. */
export const MAX_DRAWS = 8

/** The targets that draws are made of. */
export class Chance {
  /** Those with a weight. */
  targets: readonly Target[] = []
  readonly #random: Random
  readonly #table = new AliasTable()
  #isEven = true

  constructor(random: Random) {
    this.#random = random
  }

  update(targets: readonly Target[]): void {
    this.targets = targets.filter((target) => target.effectiveWeight > 0)
    const weight = this.targets[0]?.effectiveWeight
    this.#isEven = this.targets.every((target) => target.effectiveWeight === weight)
    if (!this.#isEven) this.#table.build(Float64Array.from(this.targets, (target) => target.effectiveWeight))
  }

  /** An index of {@link targets}, of which there must be one. */
  draw(): number {
    return this.#isEven ? Math.floor(this.#random() * this.targets.length) : this.#table.draw(this.#random)
  }

  /**
   * Another one, for a comparison with the first. With equal weights it is never the same. With unequal ones it may be:
   * were a light target always compared with a heavy one, it would be a candidate more often than its weight says.
   */
  drawOther(first: number): number {
    if (!this.#isEven) return this.#table.draw(this.#random)
    const other = Math.floor(this.#random() * (this.targets.length - 1))
    return other < first ? other : other + 1
  }

  /** One in proportion to its weight, among those that may be picked. */
  pick(tried: readonly Attempt[]): Target | undefined {
    const { targets } = this
    if (targets.length === 0) return undefined
    for (let i = 0; i < MAX_DRAWS; i++) {
      const target = targets[this.draw()]!
      if (mayPick(target, tried)) return target
    }
    return chooseAmong(targets, tried, this.#random)
  }
}

/** Draws with a look at all targets: O(n). */
export function chooseAmong(targets: readonly Target[], tried: readonly Attempt[], random: Random): Target | undefined {
  let total = 0
  for (let i = 0; i < targets.length; i++) if (mayPick(targets[i]!, tried)) total += targets[i]!.effectiveWeight
  let rest = random() * total
  let last: Target | undefined
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i]!
    if (!mayPick(target, tried)) continue
    last = target
    rest -= target.effectiveWeight
    if (rest < 0) return target
  }
  // Rounding can leave a little over.
  return last
}

/** The first that may be picked, from some place on: for keys that should find the same one each time. O(n). */
export function firstFrom(start: number, targets: readonly Target[], tried: readonly Attempt[]): Target | undefined {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[(start + i) % targets.length]!
    if (mayPick(target, tried)) return target
  }
  return undefined
}
