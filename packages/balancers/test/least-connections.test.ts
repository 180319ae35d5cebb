import type { Target } from '@sluice/core'
import { seededRandom } from '@sluice/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leastConnections } from '../src/index.ts'
import { equal, makeTargets, nameOf, Pool, triedAt, weights } from './pool.ts'

const make = (configs: ConstructorParameters<typeof Pool>[1], seed = 1) =>
  new Pool(leastConnections(), configs, { random: seededRandom(seed) })

const load = (target: Target) => (target.active + 1) / target.effectiveWeight

describe('least connections', () => {
  it('always picks a target with the highest weight per attempt', () => {
    const step = fc.oneof(
      fc.constant('begin' as const),
      fc.nat(9).map((index) => ({ end: index })),
      fc.record({ reweigh: fc.nat(9), weight: fc.constantFrom(0, 0.5, 1, 3) }),
      fc.record({ limit: fc.nat(9), maxActive: fc.constantFrom(1, 2, Infinity) }),
      fc.record({ avoid: fc.array(fc.nat(9), { maxLength: 4 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 150 }), (steps) => {
        const pool = make(weights(1, 1, 1, 2, 3, 0.5, 1, 1, 4, 1))
        for (const each of steps) {
          if (typeof each === 'object' && 'end' in each) {
            if (pool.targets[each.end]!.active > 0) pool.end(pool.targets[each.end]!)
          } else if (typeof each === 'object' && 'reweigh' in each) {
            pool.targets[each.reweigh]!.effectiveWeight = each.weight
            pool.admit()
          } else if (typeof each === 'object' && 'limit' in each) {
            pool.targets[each.limit]!.maxActive = each.maxActive
            pool.admit()
          } else {
            const tried = each === 'begin' ? [] : each.avoid.map((index) => pool.targets[index]!)
            const open = pool.targets.filter(
              (target) => target.effectiveWeight > 0 && target.active < target.maxActive && !tried.includes(target),
            )
            const picked = pool.begin(triedAt(...tried))
            if (picked === undefined) expect(open).toEqual([])
            else {
              expect(open).toContain(picked)
              picked.active--
              expect(load(picked)).toBe(Math.min(...open.map(load)))
              picked.active++
            }
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('has no more at any target than the mean, rounded up', () => {
    const pool = make(equal(1000))
    for (let i = 0; i < 4500; i++) pool.begin()
    expect(Math.max(...pool.targets.map(({ active }) => active))).toBe(5)
    for (const target of pool.targets.slice(0, 500)) while (target.active > 0) pool.end(target)
    for (let i = 0; i < 2000; i++) expect(pool.targets.indexOf(pool.begin()!)).toBeLessThan(500)
  })

  it('takes turns among equals, even where each attempt ends before the next', () => {
    const pool = make(equal(5))
    const names = Array.from({ length: 10 }, () => {
      const target = pool.begin()!
      pool.end(target)
      return nameOf(target)
    })
    expect(new Set(names.slice(0, 5)).size).toBe(5)
    expect(names.slice(5)).toEqual(names.slice(0, 5))
  })

  it('takes turns even where no attempt begins after all', () => {
    const names = make(equal(5)).names(15)
    expect(new Set(names.slice(0, 5)).size).toBe(5)
    expect(names).toBe(names.slice(0, 5).repeat(3))
    const pool = make(equal(5))
    const picked = nameOf(pool.pick())
    const next = Array.from({ length: 5 }, () => {
      const target = pool.begin()!
      pool.end(target)
      return nameOf(target)
    })
    expect(next.at(-1)).toBe(picked)
  })

  it('begins anywhere, so that proxies that start together do not all begin with one target', () => {
    const first = new Set(Array.from({ length: 40 }, (_, seed) => nameOf(make(equal(5), seed).pick())))
    expect(first.size).toBe(5)
  })

  it('keeps turns over updates', () => {
    const pool = make(equal(4))
    const names = Array.from({ length: 8 }, () => {
      pool.admit()
      return nameOf(pool.pick())
    })
    expect(new Set(names.slice(0, 4)).size).toBe(4)
    expect(names.slice(4)).toEqual(names.slice(0, 4))
  })

  it('does not mind the end of an attempt at a target that has left', () => {
    const pool = make(equal(2))
    const gone = pool.begin()!
    pool.targets = makeTargets(equal(3))
    pool.admit()
    pool.end(gone)
    expect(new Set(Array.from({ length: 3 }, () => pool.begin())).size).toBe(3)
  })
})
