import { ConfigError, type TargetConfig } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { leastConnections, peakEwma, powerOfTwoChoices, priorities, type PriorityLevelSnapshot } from '../src/index.ts'
import { nameOf, Pool, triedAt } from './pool.ts'

/** So many targets at priority 0, 1, ... */
const levels = (...sizes: readonly number[]): Partial<TargetConfig>[] =>
  sizes.flatMap((size, priority) => Array.from({ length: size }, () => ({ priority })))

const loads = (pool: Pool) =>
  (pool.balancer.snapshot!() as readonly PriorityLevelSnapshot[]).map(({ load }) => Math.round(load * 100))

/** Has so many targets of each level out. */
function fail(pool: Pool, ...counts: readonly number[]): void {
  const out = counts.flatMap((count, level) =>
    pool.targets.filter(({ priority }) => priority === level).slice(0, count),
  )
  pool.admit((target) => out.includes(target))
}

describe('priorities', () => {
  // Healthy share of each level in percent -> loads: the tables of Envoy's documentation, "Priority levels". Envoy counts in
  // whole percents, so the last row's rest is 28 there.
  it.each([
    [
      [100, 100],
      [100, 0],
    ],
    [
      [72, 72],
      [100, 0],
    ],
    [
      [71, 71],
      [99, 1],
    ],
    [
      [50, 50],
      [70, 30],
    ],
    [
      [25, 100],
      [35, 65],
    ],
    [
      [25, 25],
      [50, 50],
    ],
    [
      [0, 100],
      [0, 100],
    ],
    [
      [0, 0],
      [0, 0],
    ],
    [
      [100, 100, 100],
      [100, 0, 0],
    ],
    [
      [72, 72, 100],
      [100, 0, 0],
    ],
    [
      [71, 71, 100],
      [99, 1, 0],
    ],
    [
      [50, 60, 100],
      [70, 30, 0],
    ],
    [
      [50, 50, 100],
      [70, 30, 0],
    ],
    [
      [25, 100, 100],
      [35, 65, 0],
    ],
    [
      [25, 25, 100],
      [35, 35, 30],
    ],
    [
      [25, 25, 20],
      [36, 36, 29],
    ],
  ])('with %j percent healthy share the load %j', (healthy, expected) => {
    const pool = new Pool(priorities(), levels(...healthy.map(() => 100)))
    fail(pool, ...healthy.map((share) => 100 - share))
    expect(loads(pool)).toEqual(expected)
    const total = expected.reduce((sum, load) => sum + load, 0)
    const counts = healthy.map(() => 0)
    for (let i = 0; i < 4000; i++) {
      const target = pool.pick()
      if (target !== undefined) counts[target.priority] = counts[target.priority]! + 1
    }
    for (const [level, count] of counts.entries()) {
      const share = total === 0 ? 0 : (expected[level]! / total) * 4000
      expect(Math.abs(count - share)).toBeLessThan(140)
      if (share === 0) expect(count).toBe(0)
    }
  })

  it('takes another factor', () => {
    const pool = new Pool(priorities({ overprovisioning: 1 }), levels(10, 10))
    fail(pool, 4)
    expect(loads(pool)).toEqual([60, 40])
  })

  it('goes by weight, and counts what was taken out by hand as missing', () => {
    const pool = new Pool(priorities({ overprovisioning: 1 }), [
      { priority: 0, weight: 3 },
      { priority: 0, weight: 1 },
      { priority: 5 },
    ])
    pool.targets[0]!.state = 'drain'
    pool.admit()
    expect(loads(pool)).toEqual([25, 75])
    pool.targets[0]!.state = 'up'
    pool.targets[1]!.effectiveWeight = 0
    pool.admit()
    expect(loads(pool)).toEqual([75, 25])
  })

  it('takes a level where one comes first in the list but last in order', () => {
    const pool = new Pool(priorities(), [{ priority: 10 }, { priority: 2 }, { priority: 1 }])
    expect(pool.names(4)).toBe('cccc')
    pool.admit((target) => target.priority === 1)
    expect(pool.names(4)).toBe('bbbb')
  })

  it('asks the other levels, in order, where all of one were tried or are full', () => {
    const pool = new Pool(priorities(), levels(2, 1, 1))
    const [a, b, c, d] = pool.targets
    expect(nameOf(pool.pick(triedAt(a!, b!)))).toBe('c')
    expect(nameOf(pool.pick(triedAt(a!, b!, c!)))).toBe('d')
    expect(pool.pick(triedAt(a!, b!, c!, d!))).toBeUndefined()
    pool.admit((target) => target.priority < 2)
    a!.maxActive = 1
    a!.active = 1
    expect(nameOf(pool.pick(triedAt(d!)))).toBe('-')
    pool.admit()
    b!.maxActive = 1
    b!.active = 1
    expect(nameOf(pool.pick())).toBe('c')
  })

  it('gives each level its own balancer, and tells it what happens', () => {
    const least = new Pool(priorities({ balancer: leastConnections() }), levels(3, 2))
    const first = Array.from({ length: 3 }, () => least.begin()!)
    expect(new Set(first).size).toBe(3)
    least.end(first[1]!)
    expect(least.pick()).toBe(first[1])
    const ewma = new Pool(priorities({ balancer: peakEwma() }), levels(2, 2))
    ewma.report(ewma.targets[0]!, 100)
    ewma.report(ewma.targets[1]!, 10)
    expect(ewma.counts(20)).toEqual([0, 20, 0, 0])
    expect(ewma.balancer.snapshot!()).toMatchObject([{ priority: 0 }, { priority: 1 }])
  })

  it('nests, each with totals of its own', () => {
    const nested = priorities({ balancer: priorities({ balancer: powerOfTwoChoices() }) })
    const pool = new Pool(nested, levels(4, 4))
    fail(pool, 2)
    const counts = pool.counts(2000)
    const first = counts.slice(0, 4).reduce((sum, count) => sum + count)
    expect(Math.abs(first - 1400)).toBeLessThan(100)
  })

  it.each([
    ['overprovisioning', { overprovisioning: 0.9 }],
    ['balancer', { balancer: {} as never }],
  ])('refuses a wrong %s', (path, options) => {
    expect(() => priorities(options)).toThrow(ConfigError)
    expect(() => priorities(options)).toThrow(expect.objectContaining({ path: `priorities.${path}` }))
  })
})
