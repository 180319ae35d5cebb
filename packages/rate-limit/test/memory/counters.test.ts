/** Ways of counting that must not be told apart: windows of few and of many entries, buckets that share a table and that do not. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Counter } from '../../src/memory/counter.ts'
import { KeyHash } from '../../src/memory/key-hash.ts'
import { LimitTable } from '../../src/memory/limit-table.ts'
import { SmallWindowCounter } from '../../src/memory/small-window-counter.ts'
import { WindowCounter } from '../../src/memory/window-counter.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Decision } from '../../src/store/store.ts'
import { policyOf } from '../set-up.ts'

const steps = fc.array(
  fc.record({
    pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.constantFrom(100, 250, 1_000)),
    key: fc.integer({ min: 0, max: 6 }),
    cost: fc.constantFrom(0, 0.25, 1, 1, 1, 2, 3),
    // What the reply adds, or gives back.
    added: fc.constantFrom(0, 0, 0, 1, 4, -0.25, -1, -3),
  }),
  { minLength: 20, maxLength: 200 },
)

describe('sliding windows', () => {
  it('count the same, whether their entries lie beside the key or elsewhere', () => {
    const hash = new KeyHash(Uint32Array.from([1, 2]))
    const ask = (counter: Counter, key: string, cost: number, added: number, now: number) => {
      hash.update(key)
      counter.look(hash, cost, now, false)
      const { fits } = counter
      if (fits) counter.take(cost)
      const outcome = counter.outcome(cost, fits, fits)
      counter.look(hash, 0, now, false)
      counter.take(added)
      return { ...outcome, keys: counter.keys }
    }
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3.5, 8), steps, (limit, all) => {
        const policy = policyOf({ algorithm: 'sliding-window', limit, windowMs: 250 })
        // Fewer than there are keys, so that some are forgotten.
        const counters = [new SmallWindowCounter(policy, 4), new WindowCounter(policy, 4)]
        let now = 1_000.5
        for (const { pauseMs, key, cost, added } of all) {
          now += pauseMs
          const [small, large] = counters.map((counter) => ask(counter, `key-${key}`, cost, added, now))
          expect(small).toEqual(large)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('give back what keys have taken that are forgotten', () => {
    const counter = new WindowCounter(policyOf({ algorithm: 'sliding-window', limit: 100, windowMs: 10 }), 1_000)
    const hash = new KeyHash(Uint32Array.from([1, 2]))
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 50_000; i++) {
      hash.update(`key-${i}`)
      counter.look(hash, 1, i / 10, false)
      counter.take(1)
    }
    // 1,600 bytes each: all of them would be 80 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8e6)
    expect(counter.keys).toBeLessThanOrEqual(1_000)
  })
})

describe('buckets', () => {
  const policies = (keyGroups: readonly number[]): Policy[] => {
    const [burst, minute] = [
      { limit: 4, windowMs: 100 },
      { limit: 9, windowMs: 1_000, burst: 6 },
    ]
    return [burst, minute].map((options, i) => ({
      ...policyOf({ name: `policy-${i}`, ...options }),
      keyGroup: keyGroups[i]!,
    }))
  }

  it('count the same, whether they lie in one table or in several', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const [together, apart] = [
          [0, 0],
          [0, 1],
        ].map((groups) => new LimitTable(policies(groups), 8))
        let now = 1_000.5
        const clock = { now: () => now, wallTime: () => 0, schedule: () => ({ cancel() {} }) }
        for (const { pauseMs, key, cost, added } of all) {
          now += pauseMs
          const keys = [`key-${key}`, `key-${key}`]
          const [one, other] = [together, apart].map((table): Decision => {
            const decision = table!.check(keys, [cost, cost], clock)
            table!.charge(keys, [added, added], clock)
            return decision
          })
          expect(one).toEqual(other)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('of a key are forgotten only when it owes nothing in any of them', () => {
    const table = new LimitTable(policies([0, 0]), 8)
    const check = (key: string, now: number) => table.decide([key, key], [4, 4], now, false)
    expect(check('ada', 0).admitted).toBe(true)
    // Long enough for the first bucket; many others look for a place to take.
    for (let i = 0; i < 1_000; i++) check(`flood-${i}`, 200)
    expect(check('ada', 200).outcomes.map((outcome) => outcome?.admitted)).toEqual([true, false])
  })
})
