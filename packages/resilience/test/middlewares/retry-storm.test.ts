/** The bound that keeps retries from becoming the storm that keeps failing targets down. */
import { RetryBudget } from '@sluice/core'
import { type Answer, seededRandom } from '@sluice/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hedge, retry } from '../../src/index.ts'
import { ABC, setUp } from './set-up.ts'

const WINDOW_SECONDS = 10

describe('with every target failing', () => {
  it('attempts stay at or below 1.2 times the requests and the floor, whatever fails and however', async () => {
    const failure = fc.constantFrom<Answer | 'refuse'>({ status: 503 }, { reset: true }, { hang: true }, 'refuse')
    const run = fc.record({
      failure,
      seed: fc.nat(),
      // Requests in each step of half a second, over more than two windows.
      bursts: fc.array(fc.nat(16), { minLength: 45, maxLength: 55 }),
      maxRetries: fc.integer({ min: 1, max: 5 }),
      hedged: fc.boolean(),
      perSecond: fc.constantFrom(0, 2),
    })
    await fc.assert(
      fc.asyncProperty(run, async ({ failure, seed, bursts, maxRetries, hedged, perSecond }) => {
        const budget = new RetryBudget({ ratio: 0.2, minRetries: 3, perSecond })
        const { clock, fake, inject, upstream } = setUp({
          use: [retry({ maxRetries, tryTimeoutMs: 400, budget }), ...(hedged ? [hedge({ delayMs: 100 })] : [])],
          handler: () => (failure === 'refuse' ? {} : failure),
          random: seededRandom(seed),
        })
        if (failure === 'refuse') for (const key of ABC) fake.refusing.add(key)
        const times: number[] = []
        const requestTimes: number[] = []
        const replies: Promise<unknown>[] = []
        const send = upstream.transport.send.bind(upstream.transport)
        Object.assign(upstream.transport, {
          send: (...call: Parameters<typeof send>) => {
            times.push(clock.now())
            return send(...call)
          },
        })
        for (const burst of bursts) {
          for (let i = 0; i < burst; i++) {
            requestTimes.push(clock.now())
            replies.push(inject())
          }
          await clock.advanceAsync(500)
        }
        await clock.advanceAsync(10_000)
        await Promise.all(replies)
        const requests = requestTimes.length
        const spanSeconds = (clock.now() - requestTimes[0]!) / 1_000
        // The floor of each window of the budget: those that the time can be divided into, and one that has begun.
        const windows = Math.ceil(spanSeconds / WINDOW_SECONDS) + 1
        const floor = windows * (3 + WINDOW_SECONDS * perSecond)
        expect(times.length).toBeLessThanOrEqual(1.2 * requests + floor)
        expect(times.length).toBeGreaterThanOrEqual(requests)
      }),
      { numRuns: 8 },
    )
  })
})
