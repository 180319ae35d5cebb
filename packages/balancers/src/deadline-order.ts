/**
 * Weighted round-robin for many different weights: each target has a deadline, the earliest is picked, and its next one is
 * 1 / weight later ("earliest deadline first", as in Envoy). O(log n). Between a time t and t + 1 a target of weight w has
 * exactly w deadlines, so the shares are those of nginx's order, though not the order itself.
 *
 * A target that may not be picked at its deadline has lost that turn.
 */
import { type Attempt, mayPick, type Random, type Target } from '@sluice/core'
import { IndexedHeap } from './indexed-heap.ts'

export class DeadlineOrder {
  readonly #targets: readonly Target[]
  readonly #weights: Float64Array
  readonly #heap = new IndexedHeap()
  /** The last deadline that was met. */
  #now = 0
  readonly #aside: Int32Array
  readonly #deadlines: Float64Array

  /** Targets that are in `before` keep the part of their time that has passed; others start anywhere in it. */
  constructor(targets: readonly Target[], random: Random, before?: DeadlineOrder) {
    this.#targets = targets
    this.#weights = Float64Array.from(targets, (target) => target.effectiveWeight)
    this.#aside = new Int32Array(targets.length)
    this.#deadlines = new Float64Array(targets.length)
    const left = before === undefined ? undefined : before.#timeLeft()
    const deadlines = Float64Array.from(targets, (target, i) => (left?.get(target) ?? random()) / this.#weights[i]!)
    this.#heap.load(deadlines, Float64Array.from(targets.keys()))
  }

  pick(tried: readonly Attempt[]): Target | undefined {
    const heap = this.#heap
    const { keys } = heap
    let aside = 0
    let top = heap.top
    while (top >= 0 && keys[top] !== Number.POSITIVE_INFINITY && !mayPick(this.#targets[top]!, tried)) {
      this.#deadlines[aside] = keys[top]!
      this.#aside[aside++] = top
      keys[top] = Number.POSITIVE_INFINITY
      heap.moved(top)
      top = heap.top
    }
    const found = top >= 0 && keys[top] !== Number.POSITIVE_INFINITY
    if (found) {
      this.#now = keys[top]!
      keys[top] = this.#now + 1 / this.#weights[top]!
      heap.moved(top)
    }
    while (aside > 0) {
      const index = this.#aside[--aside]!
      keys[index] = found ? this.#now + 1 / this.#weights[index]! : this.#deadlines[aside]!
      heap.moved(index)
    }
    return found ? this.#targets[top] : undefined
  }

  /** What is left of each target's time, as a share of it. */
  #timeLeft(): ReadonlyMap<Target, number> {
    return new Map(this.#targets.map((target, i) => [target, (this.#heap.keys[i]! - this.#now) * this.#weights[i]!]))
  }
}
