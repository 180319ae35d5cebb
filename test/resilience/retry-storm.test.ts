/** The short form of the storm part of `pnpm resilience`. */
import { describe, expect, it } from 'vitest'
import { FAILURES, retryStorm } from './retry-storm.ts'

const REQUESTS = 800

describe('where every target', { timeout: 30_000 }, () => {
  it.each(FAILURES)('%s, retries stay within 1.2 times the requests and the floor', async (failure) => {
    const report = await retryStorm({ failure, requests: REQUESTS, concurrency: 160 })
    expect(report.requests).toBe(REQUESTS)
    expect(report.attempts).toBeLessThanOrEqual(report.bound)
    // There were retries to bound, and nobody got what nobody sent.
    expect(Math.max(report.triedAgain, report.attempts - REQUESTS)).toBeGreaterThan(0.05 * REQUESTS)
    expect(Object.keys(report.outcomes).filter((outcome) => !/^50[234] /.test(outcome))).toEqual([])
  })
})
