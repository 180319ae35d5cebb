/** The limits of one middleware in this process's memory: all policies are looked at first, then all are charged or none. */
import { getRandomValues } from 'node:crypto'
import type { Clock } from '@sluice/wire'
import { keysExhausted } from '../events.ts'
import { isBucket, type Policy } from '../policy/policy.ts'
import type { Decision, Keys, LimitAccount, Outcome, StoreSnapshot } from '../store/store.ts'
import { bucketCounters } from './bucket-counter.ts'
import type { Counter } from './counter.ts'
import { KeyHash } from './key-hash.ts'
import { SMALL_LIMIT, SmallWindowCounter } from './small-window-counter.ts'
import { UNIT_LIMIT, UnitWindowCounter } from './unit-window-counter.ts'
import { WindowCounter } from './window-counter.ts'

export class LimitTable implements LimitAccount {
  readonly #policies: readonly Policy[]
  readonly #counters: readonly Counter[]
  readonly #maxKeys: number
  /** One for all: what has the same key under several policies is hashed once, and memory is asked for all of it at once. */
  readonly #hash: KeyHash = new KeyHash(getRandomValues(new Uint32Array(2)))
  /** Whether it has been told that there are more keys than places; each time anew. */
  readonly #hasTold: boolean[]

  constructor(policies: readonly Policy[], maxKeys: number) {
    this.#policies = policies
    this.#maxKeys = maxKeys
    this.#counters = countersOf(policies, maxKeys)
    this.#hasTold = policies.map(() => false)
  }

  check(keys: Keys, costs: readonly number[], clock: Clock): Decision {
    return this.decide(keys, costs, clock.now(), false)
  }

  /** With `ownOnly`, keys that have to share a place are admitted and not counted. */
  decide(keys: Keys, costs: readonly number[], now: number, ownOnly: boolean): Decision {
    const counters = this.#counters
    let admitted = true
    let hashed: string | undefined
    for (let i = 0; i < counters.length; i++) {
      const key = keys[i]
      if (key === undefined) continue
      const counter = counters[i]!
      const { turnedAway } = counter
      if (key !== hashed) {
        this.#hash.update((hashed = key))
        for (let j = i; j < counters.length; j++) if (keys[j] === key) counters[j]!.touch(this.#hash)
      }
      counter.look(this.#hash, costs[i]!, now, ownOnly)
      if (!counter.fits && !this.#policies[i]!.shadow) admitted = false
      if (counter.turnedAway !== turnedAway) this.#tell(i)
      else if (this.#hasTold[i] && counter.keys < this.#maxKeys) this.#hasTold[i] = false
    }
    return { admitted, outcomes: this.#outcomes(keys, costs, admitted) }
  }

  charge(keys: Keys, costs: readonly number[], clock: Clock): void {
    this.settle(keys, costs, clock.now(), false)
  }

  /** The same, at a time, and with `ownOnly` as above. */
  settle(keys: Keys, costs: readonly number[], now: number, ownOnly: boolean): void {
    let hashed: string | undefined
    for (let i = 0; i < this.#counters.length; i++) {
      const key = keys[i]
      if (key === undefined || costs[i] === 0) continue
      if (key !== hashed) this.#hash.update((hashed = key))
      this.#counters[i]!.look(this.#hash, 0, now, ownOnly)
      this.#counters[i]!.take(costs[i]!)
    }
  }

  get keys(): number {
    return this.#counters.reduce((sum, counter) => sum + counter.keys, 0)
  }

  snapshot(): StoreSnapshot {
    return { kind: 'memory', state: 'up', keys: this.keys }
  }

  /** Made at its length, for the usual ones as it stands: one that grows would begin with room for seventeen. */
  #outcomes(keys: Keys, costs: readonly number[], admitted: boolean): (Outcome | undefined)[] {
    if (keys.length === 1) return [this.#outcome(0, keys, costs, admitted)]
    if (keys.length === 2) return [this.#outcome(0, keys, costs, admitted), this.#outcome(1, keys, costs, admitted)]
    return keys.map((_, i) => this.#outcome(i, keys, costs, admitted))
  }

  /** Each counter still has at hand what it has looked at. */
  #outcome(index: number, keys: Keys, costs: readonly number[], admitted: boolean): Outcome | undefined {
    if (keys[index] === undefined) return undefined
    const counter = this.#counters[index]!
    const cost = costs[index]!
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

function countersOf(policies: readonly Policy[], maxKeys: number): Counter[] {
  const buckets = Map.groupBy(policies.filter(isBucket), (policy) => policy.keyGroup ?? policy)
  const counters = new Map<Policy, Counter>()
  for (const group of buckets.values()) {
    const made = bucketCounters(group, maxKeys)
    group.forEach((policy, index) => counters.set(policy, made[index]!))
  }
  return policies.map((policy) => counters.get(policy) ?? windowCounter(policy, maxKeys))
}

function windowCounter(policy: Policy, maxKeys: number): Counter {
  if (policy.hasWholeCost === true && policy.limit <= UNIT_LIMIT) return new UnitWindowCounter(policy, maxKeys)
  if (policy.limit <= SMALL_LIMIT) return new SmallWindowCounter(policy, maxKeys)
  return new WindowCounter(policy, maxKeys)
}
