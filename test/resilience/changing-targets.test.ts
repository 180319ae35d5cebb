import {
  leastConnections,
  maglev,
  peakEwma,
  powerOfTwoChoices,
  ringHash,
  stickySessions,
  weightedRoundRobin,
} from '@sluice/balancers'
/** The short form of the part of `pnpm resilience` in which targets change. */
import { roundRobin, type BalancerFactory } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { changingTargets } from './changing-targets.ts'

const BALANCERS: Readonly<Record<string, () => BalancerFactory>> = {
  roundRobin,
  weightedRoundRobin,
  powerOfTwoChoices,
  leastConnections,
  peakEwma,
  ringHash: () => ringHash({ key: { header: 'x-id' } }),
  maglev: () => maglev({ key: { header: 'x-id' } }),
  stickySessions: () => stickySessions({ secret: 'a secret of the tests' }),
}

describe('targets come and go under load', { timeout: 20_000 }, () => {
  it.each(Object.entries(BALANCERS))('with %s, and nothing is lost', async (_, balancer) => {
    const options = { balancer: balancer(), requests: 400, concurrency: 40, seed: 11 }
    const { requests, changes, problems } = await changingTargets(options)
    expect(problems).toEqual([])
    expect(requests).toBe(400)
    expect(changes).toBeGreaterThan(20)
  })
})
