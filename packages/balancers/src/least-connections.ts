/**
 * The target with the fewest attempts under way, per weight. A heap has it on top, so it is found in O(log n). Its order is
 * mended when a target is picked and when an attempt ends; what it has missed, it finds out when that comes to the top.
 */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type Exchange,
  type Random,
  type Target,
  wasTried,
} from '@sluice/core'
import { IndexedHeap } from './indexed-heap.ts'

/**
 * Picks the target with the highest weight / (attempts under way + 1); among equals the one that was picked the longest
 * ago. Tunnels and bodies that still stream count, so it suits requests of very unequal length.
 *
 * It knows what this proxy has sent, not what others have: where many proxies share targets, all of them may run to the
 * same idle one (see `powerOfTwoChoices`). At low load, light targets get nothing while a heavy one is idle.
 */
export function leastConnections(): BalancerFactory {
  return (services) => new LeastConnections(services.random)
}

class LeastConnections implements Balancer {
  readonly name = 'least-connections'
  readonly #random: Random
  readonly #heap = new IndexedHeap()
  #targets: readonly Target[] = []
  #indexes: ReadonlyMap<Target, number> = new Map()
  /** Counts picks: a target's tie is the number of its last one. */
  #turn = 1
  /** The one that was picked last, until it is known what has become of it; -1 for none. */
  #expected = -1
  /** Those that are set aside during a pick. */
  #aside: Int32Array = new Int32Array(0)

  constructor(random: Random) {
    this.#random = random
  }

  update(targets: readonly Target[]): void {
    const before = this.#indexes
    const { ties } = this.#heap
    this.#targets = targets.filter((target) => target.effectiveWeight > 0)
    this.#indexes = new Map(this.#targets.map((target, i) => [target, i]))
    // Those that are new come first, in any order: proxies that start together must not all begin with the same one.
    const turns = Float64Array.from(this.#targets, (target) => ties[before.get(target) ?? -1] ?? this.#random())
    this.#heap.load(
      Float64Array.from(this.#targets, (target) => loadOf(target, 0)),
      turns,
    )
    this.#aside = new Int32Array(this.#targets.length)
    this.#expected = -1
  }

  pick(_exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const heap = this.#heap
    let aside = 0
    let picked = -1
    this.#settle()
    for (;;) {
      const top = heap.top
      if (top < 0 || heap.keys[top] === Number.POSITIVE_INFINITY) break
      const target = this.#targets[top]!
      const load = loadOf(target, 0)
      if (load !== heap.keys[top]) heap.keys[top] = load
      else if (tried.length > 0 && wasTried(target, tried)) {
        heap.keys[top] = Number.POSITIVE_INFINITY
        this.#aside[aside++] = top
      } else {
        // With the attempt that is to begin: so it goes down once, not twice.
        heap.keys[top] = loadOf(target, 1)
        heap.ties[top] = this.#turn++
        picked = top
      }
      heap.moved(top)
      if (picked >= 0) break
    }
    while (aside > 0) this.#refresh(this.#aside[--aside]!)
    this.#expected = picked
    return picked < 0 ? undefined : this.#targets[picked]
  }

  ended(target: Target): void {
    const index = this.#indexes.get(target)
    if (index !== undefined) this.#refresh(index)
  }

  /** An attempt was expected, and may not have begun after all. */
  #settle(): void {
    const index = this.#expected
    if (index >= 0 && this.#heap.keys[index] !== loadOf(this.#targets[index]!, 0)) this.#refresh(index)
    this.#expected = -1
  }

  #refresh(index: number): void {
    this.#heap.keys[index] = loadOf(this.#targets[index]!, 0)
    this.#heap.moved(index)
  }
}

/** With so many attempts more than there are. A full one is last. */
function loadOf(target: Target, more: number): number {
  const active = target.active + more
  return active < target.maxActive ? (active + 1) / target.effectiveWeight : Number.POSITIVE_INFINITY
}
