/** The short form of the failover part of `pnpm resilience`. */
import { describe, expect, it } from 'vitest'
import { failover, KILLED, OTHER_FAULTS, type FailoverOptions, type FailoverReport } from './failover.ts'

const SHORT: Omit<FailoverOptions, 'fault'> = { perSecond: 500, phaseMs: 300, slowStartMs: 1_000 }
const BESIDE_OTHERS = { ...SHORT, perSecond: 200, slowStartMs: 600 }

function check({ requests, problems, failedGets, failedPosts }: FailoverReport, perSecond: number): void {
  expect(problems).toEqual([])
  expect(failedGets).toBe(0)
  expect(requests).toBeGreaterThan(perSecond)
  // Which of them fail is checked one by one; that they are few is what ejection is for.
  expect(failedPosts).toBeLessThan(requests * 0.1)
}

describe('one of three targets under load', { timeout: 30_000 }, () => {
  it('is killed and comes back', async () => {
    check(await failover({ ...SHORT, fault: KILLED }), SHORT.perSecond)
  })

  it.concurrent.each(OTHER_FAULTS)('$name and recovers', async (fault) => {
    check(await failover({ ...BESIDE_OTHERS, fault }), BESIDE_OTHERS.perSecond)
  })
})
