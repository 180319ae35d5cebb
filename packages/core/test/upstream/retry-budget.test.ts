import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError, createUpstream, RetryBudget, type RetryBudgetOptions } from '../../src/index.ts'

const START = 12_345.6875

/** How many retries a budget gives at once. */
function drain(budget: RetryBudget, now: number): number {
  let count = 0
  while (budget.withdraw(now)) count++
  return count
}

function after(requests: number, options: RetryBudgetOptions): RetryBudget {
  const budget = new RetryBudget(options)
  for (let i = 0; i < requests; i++) budget.request(START)
  return budget
}

describe('a retry budget', () => {
  it.each<[what: string, requests: number, options: RetryBudgetOptions, expected: number]>([
    ['the least, where there were few requests', 5, { perSecond: 0 }, 3],
    ['a fifth of the requests, where there were many', 100, { perSecond: 0 }, 20],
    ['the larger of the two, not both', 20, { minRetries: 4, perSecond: 0 }, 4],
    ['and ten for each second of the window', 100, {}, 120],
    ['what is left of a fraction for later', 9, { ratio: 0.5, minRetries: 0, perSecond: 0 }, 4],
    ['nothing, where it is told so', 100, { ratio: 0, minRetries: 0, perSecond: 0 }, 0],
    ['more than one for each request', 3, { ratio: 2, minRetries: 0, perSecond: 0 }, 6],
  ])('gives %s', (_, requests, options, expected) => {
    const budget = after(requests, options)
    expect(drain(budget, START)).toBe(expected)
    expect(budget.snapshot(START)).toMatchObject({ requests, retries: expected })
  })

  it('forgets requests and retries once they are ten seconds old', () => {
    const budget = after(100, { perSecond: 0 })
    expect(drain(budget, START)).toBe(20)
    // The last second that still has the first in its window.
    const last = Math.floor(START / 1_000) * 1_000 + 9_999
    expect(budget.withdraw(last)).toBe(false)
    expect(budget.snapshot(last)).toEqual({ requests: 100, retries: 20, allowed: 20 })
    expect(budget.snapshot(last + 1)).toEqual({ requests: 0, retries: 0, allowed: 3 })
    expect(drain(budget, last + 1)).toBe(3)
  })

  it('has forgotten all after a long pause', () => {
    const budget = after(100, { perSecond: 0 })
    drain(budget, START)
    expect(budget.snapshot(START + 86_400_000)).toEqual({ requests: 0, retries: 0, allowed: 3 })
  })

  it.each<[path: string, options: RetryBudgetOptions]>([
    ['ratio', { ratio: -0.1 }],
    ['minRetries', { minRetries: Number.NaN }],
    ['perSecond', { perSecond: Number.POSITIVE_INFINITY }],
  ])('refuses with the path %s: %j', (path, options) => {
    expect(() => new RetryBudget(options, 'retry.budget')).toThrow(
      expect.objectContaining({ path: `retry.budget.${path}` }),
    )
    const build = () => createUpstream('users', { targets: ['http://a.test'], retryBudget: options })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `upstreams.users.retryBudget.${path}` }))
  })

  it('gives what its window allows, to the last one, whatever comes in whatever order', () => {
    const event = fc.record({
      isRequest: fc.boolean(),
      pauseMs: fc.oneof(fc.constant(0), fc.nat({ max: 1_500 }), fc.nat({ max: 15_000 })),
    })
    const options = fc.record({
      ratio: fc.constantFrom(0, 0.2, 0.75, 1.5),
      minRetries: fc.nat({ max: 4 }),
      perSecond: fc.constantFrom(0, 0.1, 0.35),
    })
    fc.assert(
      fc.property(
        options,
        fc.array(event, { maxLength: 200, size: 'max' }),
        ({ ratio, minRetries, perSecond }, events) => {
          const budget = new RetryBudget({ ratio, minRetries, perSecond })
          const requests: number[] = []
          const retries: number[] = []
          let now = START
          const since = (times: readonly number[], from: number) => times.filter((time) => time >= from).length
          const allowed = (from: number) => Math.max(minRetries, ratio * since(requests, from)) + perSecond * 10
          for (const { isRequest, pauseMs } of events) {
            now += pauseMs
            if (isRequest) {
              budget.request(now)
              requests.push(now)
              continue
            }
            const window = (Math.floor(now / 1_000) - 9) * 1_000
            const mayRetry = since(retries, window) + 1 <= allowed(window)
            expect(budget.withdraw(now)).toBe(mayRetry)
            if (!mayRetry) continue
            retries.push(now)
            // Wherever its seconds begin: never more in nine of them than ten allow.
            expect(since(retries, now - 9_000)).toBeLessThanOrEqual(allowed(now - 10_000))
          }
        },
      ),
      { seed: 20_260_402 },
    )
  })
})
