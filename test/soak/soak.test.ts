/** The short form of `pnpm soak`. */
import { describe, expect, it } from 'vitest'
import { COMBINATIONS } from '../faults/combinations.ts'
import { soak } from './soak.ts'

const REQUESTS = 1_000

describe.each(COMBINATIONS)('soak, $name listener', (listener, transport) => {
  it(`${REQUESTS} requests with faults leave nothing behind`, { timeout: 60_000 }, async () => {
    const report = await soak({
      listener,
      transport,
      requests: REQUESTS,
      seconds: 30,
      concurrency: 64,
      faultShare: 0.1,
      seed: 7,
      heapGrowthBytes: 6_000_000,
    })
    expect(report.leaks).toEqual([])
    expect(report.requests).toBe(REQUESTS)
    expect([...report.kinds.keys()]).toEqual(expect.arrayContaining(['ok', 'reset', 'abort-in-reply']))
  })
})
