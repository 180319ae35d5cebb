import { describe, expect, it } from 'vitest'
import { random, weightedRandom } from '../src/index.ts'
import { equal, Pool, triedAt, weights } from './pool.ts'

const PICKS = 30_000

/** The sum of squared deviations, each in units of what chance allows (Pearson): about the number of targets. */
function chiSquared(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, i) => sum + (expected[i] === 0 ? 0 : (count - expected[i]!) ** 2 / expected[i]!), 0)
}

describe('random', () => {
  it('gives each target the same chance, whatever its weight', () => {
    const pool = new Pool(random(), weights(1, 2, 3, 0, 4))
    const counts = pool.counts(PICKS)
    expect(counts[3]).toBe(0)
    expect(chiSquared(counts, [7500, 7500, 7500, 0, 7500])).toBeLessThan(17)
  })

  it('gives those that are left the same chance, however many are full', () => {
    const pool = new Pool(random(), equal(50))
    for (const target of pool.targets) if (target !== pool.targets[7]) target.maxActive = target.active = 1
    pool.targets[40]!.active = 0
    const counts = pool.counts(10_000)
    expect(chiSquared([counts[7]!, counts[40]!], [5000, 5000])).toBeLessThan(11)
    expect(pool.pick(triedAt(pool.targets[7]!))).toBe(pool.targets[40])
    expect(pool.pick(triedAt(pool.targets[7]!, pool.targets[40]!))).toBeUndefined()
  })
})

describe('weighted random', () => {
  it.each([
    ['some', [1, 2, 3, 0, 4]],
    ['one', [7]],
    ['equal', [2, 2, 2, 2]],
    ['very different', [1, 1000, 0.5, 30]],
    ['many', Array.from({ length: 100 }, (_, i) => 1 + (i % 7))],
  ])('gives each target a chance in proportion to its weight: %s', (_name, list) => {
    const pool = new Pool(weightedRandom(), weights(...list))
    const total = list.reduce((sum, weight) => sum + weight)
    const counts = pool.counts(PICKS)
    expect(counts.reduce((sum, count) => sum + count)).toBe(PICKS)
    for (const [i, count] of counts.entries()) if (list[i] === 0) expect(count).toBe(0)
    // The 99.9th percentile is below this for any number of degrees of freedom.
    const limit = list.length + 5 * Math.sqrt(2 * list.length) + 10
    expect(
      chiSquared(
        counts,
        list.map((weight) => (weight / total) * PICKS),
      ),
    ).toBeLessThan(limit)
  })

  it('keeps to the weights of those that are left, however heavy what is full', () => {
    const pool = new Pool(weightedRandom(), weights(100_000, 1, 4))
    pool.targets[0]!.maxActive = pool.targets[0]!.active = 1
    expect(chiSquared(pool.counts(10_000).slice(1), [2000, 8000])).toBeLessThan(11)
  })

  it('goes by the weights of the last update', () => {
    const pool = new Pool(weightedRandom(), weights(1, 1))
    pool.targets[0]!.effectiveWeight = 0.25
    pool.admit()
    expect(chiSquared(pool.counts(10_000), [2000, 8000])).toBeLessThan(11)
    pool.targets[0]!.effectiveWeight = 0
    pool.admit()
    expect(pool.counts(100)).toEqual([0, 100])
  })
})
