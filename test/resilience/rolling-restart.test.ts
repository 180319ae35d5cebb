/** The short form of the restart part of `pnpm resilience`. */
import { expect, it } from 'vitest'
import { rollingRestart } from './rolling-restart.ts'

it('a rolling restart of all targets loses none of 5,000 requests', { timeout: 30_000 }, async () => {
  const { requests, restarts, problems } = await rollingRestart({ requests: 5_000, concurrency: 16 })
  expect(problems).toEqual([])
  expect(requests).toBe(5_000)
  expect(restarts).toBeGreaterThanOrEqual(3)
})
