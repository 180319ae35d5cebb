import { describe, expect, it } from 'vitest'
import { seededRandom } from '../src/index.ts'

const M = 2n ** 32n

/** The same generator, written from its definition in arithmetic modulo 2^32 instead of machine words. */
function reference(seed: bigint): () => number {
  let [a, b, c, counter] = [0n, seed % M, (seed / M) % M, 1n]
  const next = (): number => {
    const result = (a + b + counter) % M
    counter = (counter + 1n) % M
    a = b ^ (b / 2n ** 9n)
    b = (c + c * 8n) % M
    c = (((c * 2n ** 21n) % M) + c / 2n ** 11n + result) % M
    return Number(result) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

const draw = (seed: number): number[] => Array.from({ length: 10 }, seededRandom(seed))

describe('seededRandom', () => {
  it('follows the definition of sfc32', () => {
    for (const seed of [0, 1, 42, 0xffff_ffff, Number.MAX_SAFE_INTEGER]) {
      const random = seededRandom(seed)
      const expected = reference(BigInt(seed))
      for (let i = 0; i < 1_000; i++) expect(random()).toBe(expected())
    }
  })

  it('repeats itself for a seed, and not for another', () => {
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    expect(draw(7)).not.toEqual(draw(-7))
    expect(draw(7)).not.toEqual(draw(7 + 2 ** 32))
  })

  it('spreads evenly over [0, 1)', () => {
    const random = seededRandom(2_024)
    const buckets = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 100_000; i++) buckets[Math.floor(random() * 10)]!++
    // Ten standard deviations of a fair draw.
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(950)
    expect(buckets).toHaveLength(10)
  })

  it('refuses a seed that is no integer', () => {
    expect(() => seededRandom(0.5)).toThrow(RangeError)
    expect(() => seededRandom(Number.NaN)).toThrow(RangeError)
  })
})
