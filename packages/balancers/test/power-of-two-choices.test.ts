import { describe, expect, it } from 'vitest'
import { powerOfTwoChoices, random } from '../src/index.ts'
import { equal, Pool, triedAt, weights } from './pool.ts'

/** The most attempts that any target has after as many as there are targets. */
function fullest(pool: Pool): number {
  for (let i = 0; i < pool.targets.length; i++) pool.begin()
  return Math.max(...pool.targets.map(({ active }) => active))
}

describe('power of two choices', () => {
  it('keeps the maximum within ln ln n / ln 2 + 2, where one choice does not', () => {
    const n = 2_000
    expect(fullest(new Pool(powerOfTwoChoices(), equal(n)))).toBeLessThanOrEqual(Math.log(Math.log(n)) / Math.LN2 + 2)
    expect(fullest(new Pool(random(), equal(n)))).toBeGreaterThan(Math.log(Math.log(n)) / Math.LN2 + 2)
  })

  it('picks the less busy of two', () => {
    const pool = new Pool(powerOfTwoChoices(), equal(2))
    pool.targets[0]!.active = 3
    expect(pool.counts(50)).toEqual([0, 50])
    pool.targets[1]!.active = 4
    expect(pool.counts(50)).toEqual([50, 0])
  })

  it('picks any of two that are equal', () => {
    const [a, b] = new Pool(powerOfTwoChoices(), equal(2)).counts(1000)
    expect(Math.abs(a! - b!)).toBeLessThan(120)
  })

  it('gives targets load in proportion to their weights', () => {
    const pool = new Pool(powerOfTwoChoices(), weights(1, 2, 4, 4, 1))
    for (let i = 0; i < 1200; i++) pool.begin()
    for (const { active, weight } of pool.targets) expect(Math.abs(active - 100 * weight)).toBeLessThan(15)
  })

  it('gives a light target its share even where nothing is under way', () => {
    const [light] = new Pool(powerOfTwoChoices(), weights(5, 95)).counts(10_000)
    expect(light).toBeGreaterThan(400)
    expect(light).toBeLessThan(600)
  })

  it('gives a light target no more than about its share under a little load', () => {
    const pool = new Pool(powerOfTwoChoices(), weights(5, 95))
    const underWay = Array.from({ length: 10 }, () => pool.begin()!)
    const [light] = pool.counts(10_000, () => {
      pool.end(underWay.shift()!)
      underWay.push(pool.begin()!)
      return underWay.at(-1)
    })
    expect(light).toBeGreaterThan(300)
    expect(light).toBeLessThan(700)
  })

  it('avoids what is full or was tried, to the last one', () => {
    const pool = new Pool(powerOfTwoChoices(), equal(30))
    const rest = pool.targets.slice(1)
    expect(pool.pick(triedAt(...rest))).toBe(pool.targets[0])
    expect(pool.pick(triedAt(...pool.targets))).toBeUndefined()
    for (const target of rest) target.maxActive = target.active = 1
    expect(pool.counts(20)[0]).toBe(20)
  })
})
