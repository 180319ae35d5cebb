/** The limits of one middleware in this process's memory: all policies are looked at first, then all are charged or none. */
import type { Clock } from '@sluice/wire'
import { keysExhausted } from '../events.ts'
import { isBucket, type Policy } from '../policy/policy.ts'
import type { Decision, Keys, LimitAccount, Outcome, StoreSnapshot } from '../store/store.ts'
import { BucketCounter } from './bucket-counter.ts'
import type { Counter } from './counter.ts'
import { WindowCounter } from './window-counter.ts'

export class LimitTable implements LimitAccount {
  readonly #policies: readonly Policy[]
  readonly #counters: readonly Counter[]
  readonly #maxKeys: number
  /** Whether it has been told that there are more keys than places; each time anew. */
  readonly #hasTold: boolean[]

  constructor(policies: readonly Policy[], maxKeys: number) {
    this.#policies = policies
    this.#maxKeys = maxKeys
    this.#counters = policies.map((policy) =>
      isBucket(policy) ? new BucketCounter(policy, maxKeys) : new WindowCounter(policy, maxKeys),
    )
    this.#hasTold = policies.map(() => false)
  }

  check(keys: Keys, costs: readonly number[], clock: Clock): Decision {
    return this.decide(keys, costs, clock.now(), false)
  }

  /** With `ownOnly`, keys that have to share a place are admitted and not counted. */
  decide(keys: Keys, costs: readonly number[], now: number, ownOnly: boolean): Decision {
    const counters = this.#counters
    let admitted = true
    for (let i = 0; i < counters.length; i++) {
      const key = keys[i]
      if (key === undefined) continue
      const counter = counters[i]!
      const { turnedAway } = counter
      counter.look(key, costs[i]!, now, ownOnly)
      if (!counter.fits && !this.#policies[i]!.shadow) admitted = false
      if (counter.turnedAway !== turnedAway) this.#tell(i)
      else if (this.#hasTold[i] && counter.keys < this.#maxKeys) this.#hasTold[i] = false
    }
    // Made at its length: one that grows would begin with room for seventeen.
    const outcomes = keys.map((key, i) => (key === undefined ? undefined : this.#outcome(i, costs[i]!, admitted)))
    return { admitted, outcomes }
  }

  charge(keys: Keys, costs: readonly number[], clock: Clock): void {
    this.settle(keys, costs, clock.now(), false)
  }

  /** The same, at a time, and with `ownOnly` as above. */
  settle(keys: Keys, costs: readonly number[], now: number, ownOnly: boolean): void {
    for (let i = 0; i < this.#counters.length; i++) {
      const key = keys[i]
      if (key === undefined || costs[i] === 0) continue
      this.#counters[i]!.look(key, 0, now, ownOnly)
      this.#counters[i]!.take(costs[i]!)
    }
  }

  get keys(): number {
    return this.#counters.reduce((sum, counter) => sum + counter.keys, 0)
  }

  snapshot(): StoreSnapshot {
    return { kind: 'memory', state: 'up', keys: this.keys }
  }

  /** Each counter still has at hand what it has looked at. */
  #outcome(index: number, cost: number, admitted: boolean): Outcome {
    const counter = this.#counters[index]!
    const fits = counter.fits
    const charged = admitted && fits
    if (charged) counter.take(cost)
    return counter.outcome(cost, fits, charged)
  }

  #tell(index: number): void {
    if (this.#hasTold[index]) return
    this.#hasTold[index] = true
    if (keysExhausted.hasSubscribers)
      keysExhausted.publish({ policy: this.#policies[index]!.name, maxKeys: this.#maxKeys })
  }
}
