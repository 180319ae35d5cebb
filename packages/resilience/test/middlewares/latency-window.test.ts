import { seededRandom } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { LatencyWindow } from '../../src/middlewares/latency-window.ts'

/** The buckets' growth factor. */
const PRECISION = 2 ** (1 / 16)

describe('a latency window', () => {
  it('knows nothing at first', () => {
    const window = new LatencyWindow(1_000)
    expect([window.count(5), window.quantile(5, 0.95)]).toEqual([0, undefined])
  })

  it.each([0.5, 0.9, 0.95, 0.99])('gives the quantile %d of any distribution, at most 4.5 % too high', (share) => {
    const random = seededRandom(7)
    const window = new LatencyWindow(1_000)
    // Log-normal, about: from a fraction of a millisecond to many seconds.
    const durations = Array.from({ length: 5_000 }, () => Math.exp(3 + 2 * (random() + random() + random() - 1.5)))
    for (const each of durations) window.record(0, each)
    const exact = durations.sort((a, b) => a - b)[Math.ceil(share * durations.length) - 1]!
    const estimate = window.quantile(0, share)!
    expect(estimate).toBeGreaterThanOrEqual(exact)
    expect(estimate).toBeLessThanOrEqual(exact * PRECISION)
  })

  it('takes what is below and beyond its range', () => {
    const window = new LatencyWindow(1_000)
    window.record(0, 0)
    expect(window.quantile(0, 0.5)).toBe(0.0625)
    window.record(0, 1e12)
    expect(window.quantile(0, 0.99)).toBeGreaterThan(900_000)
  })

  it('sees what is new, though it does not look each time', () => {
    const window = new LatencyWindow(1_000)
    window.record(0, 10)
    expect(window.quantile(0, 0.5)).toBeLessThan(11)
    for (let i = 0; i < 20; i++) window.record(0, 1_000)
    expect(window.quantile(0, 0.5)).toBeGreaterThan(999)
    expect(window.quantile(0, 0.01)).toBeLessThan(11)
  })

  it('forgets the older half, and all after a time of nothing', () => {
    const window = new LatencyWindow(1_000)
    window.record(0, 10)
    window.record(600, 100)
    expect(window.count(999)).toBe(2)
    expect(window.quantile(999, 0.1)).toBeLessThan(11)
    expect(window.count(1_100)).toBe(1)
    expect(window.quantile(1_100, 0.1)).toBeGreaterThan(99)
    window.record(1_200, 50)
    expect(window.count(9_000)).toBe(0)
  })
})
