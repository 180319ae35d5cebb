/** Ways of counting that must not be told apart: windows of units, of few and of many entries, buckets that share a table and that do not. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Counter } from '../../src/memory/counter.ts'
import { KeyHash } from '../../src/memory/key-hash.ts'
import { LimitTable } from '../../src/memory/limit-table.ts'
import { SmallWindowCounter } from '../../src/memory/small-window-counter.ts'
import { UnitWindowCounter } from '../../src/memory/unit-window-counter.ts'
import { WindowCounter } from '../../src/memory/window-counter.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Decision } from '../../src/store/store.ts'
import { policyOf } from '../set-up.ts'

/** Up to where ticks of a window of 250 ms start again. */
const pauses = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(100, 225, 250, 1_000, 2_000, 2_048),
)
const stepsOf = (costs: readonly number[], added: readonly number[]) =>
  fc.array(
    fc.record({
      pauseMs: pauses,
      key: fc.integer({ min: 0, max: 6 }),
      cost: fc.constantFrom(...costs),
      // What the reply adds, or gives back.
      added: fc.constantFrom(...added),
    }),
    { minLength: 20, maxLength: 200 },
  )
const steps = stepsOf([0, 0.25, 1, 1, 1, 2, 3], [0, 0, 0, 1, 4, -0.25, -1, -3])
const wholeSteps = stepsOf([0, 1, 1, 1, 2, 3], [0, 0, 0, -1, -3])

describe('sliding windows', () => {
  const hash = new KeyHash(Uint32Array.from([1, 2]))
  const look = (counter: Counter, key: string, cost: number, now: number) => {
    hash.update(key)
    counter.look(hash, cost, now, false)
    return counter.fits
  }
  const ask = (counter: Counter, key: string, cost: number, added: number, now: number) => {
    const fits = look(counter, key, cost, now)
    if (fits) counter.take(cost)
    const outcome = counter.outcome(cost, fits, fits)
    counter.look(hash, 0, now, false)
    counter.take(added)
    return outcome
  }
  type Kind = new (policy: Policy, maxKeys: number) => Counter
  const sliding = (limit: number) => policyOf({ algorithm: 'sliding-window', limit, windowMs: 250 })
  const countTheSame = (kinds: readonly Kind[], limits: readonly number[], arrivals: typeof steps) => {
    fc.assert(
      fc.property(fc.constantFrom(...limits), arrivals, (limit, all) => {
        // Fewer places than there are keys, so that some are forgotten.
        const counters = kinds.map((Kind) => new Kind(sliding(limit), 4))
        let now = 1_000.5
        for (const { pauseMs, key, cost, added } of all) {
          now += pauseMs
          const [one, other] = counters.map((counter) => ask(counter, `key-${key}`, cost, added, now))
          expect(one).toEqual(other)
        }
      }),
      { numRuns: 100 },
    )
  }

  it('count the same, whether their entries lie beside the key or elsewhere', () => {
    countTheSame([SmallWindowCounter, WindowCounter], [1, 2, 3.5, 8], steps)
  })

  it('count whole units the same, whether an entry says how many it is or not', () => {
    countTheSame([UnitWindowCounter, WindowCounter], [1, 2, 3.5, 8, 21], wholeSteps)
  })

  it('of units refuse whoever is in debt, until so much is out of the window', () => {
    const counter = new UnitWindowCounter(sliding(3), 4)
    for (let now = 1_000; now < 1_600; now += 10) {
      // Two, four, six, eight by 1,030; by 1,270 six of them are out of the window.
      expect(look(counter, 'ada', 1, now)).toBe(now <= 1_010 || now >= 1_270)
      if (now <= 1_030) counter.take(2)
    }
  })

  it('let as many parts of a unit pass as make up the limit', () => {
    for (const parts of [2, 3, 4, 7, 10, 13, 25]) {
      const counter = new SmallWindowCounter(sliding(8), 4)
      let passed = 0
      for (let i = 0; i < parts * 10; i++) passed += ask(counter, 'ada', 1 / parts, 0, 1_000 + i / 10).admitted ? 1 : 0
      expect(passed).toBe(parts * 8)
    }
  })

  it('never count nothing, however small it is', () => {
    const counter = new SmallWindowCounter(sliding(1), 4)
    look(counter, 'ada', 1e-12, 1_000)
    counter.take(1e-12)
    look(counter, 'ada', 0, 1_000)
    expect(counter.outcome(0, true, false).remaining).toBe(1 - 1e-8)
  })

  it('keep a debt that is too large to be counted until the window is over', () => {
    const counter = new SmallWindowCounter(sliding(5), 4)
    for (const units of [1_000, -990]) {
      look(counter, 'ada', 0, 1_000)
      counter.take(units)
    }
    expect([look(counter, 'ada', 1, 1_249), look(counter, 'ada', 1, 1_250)]).toEqual([false, true])
  })

  it('give back what keys have taken that are forgotten', () => {
    const counter = new WindowCounter(policyOf({ algorithm: 'sliding-window', limit: 100, windowMs: 10 }), 1_000)
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 50_000; i++) {
      look(counter, `key-${i}`, 1, i / 10)
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
