/** Slow clients are cut off in time and cost little memory, and the others are answered all the while. */
import { waitFor } from '@sluice/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { slowClients, type SlowClients } from './slow-clients.ts'
import { latencies, percentile, slowSite, type SlowSite } from './slow-site.ts'

const COUNT = 240
const LONG = { headTimeoutMs: 30_000, requestTimeoutMs: 30_000, bodyIdleTimeoutMs: 30_000, sendTimeoutMs: 30_000 }
const SHORT = {
  headTimeoutMs: 600,
  requestTimeoutMs: 600,
  bodyIdleTimeoutMs: 600,
  sendTimeoutMs: 600,
  idleTimeoutMs: 5_000,
}

describe(`${COUNT} slow clients`, () => {
  let site: SlowSite
  let slow: SlowClients | undefined
  afterEach(async () => {
    slow?.close()
    await site.close()
  })

  it('are cut off by the timeouts, though they never fall silent', { timeout: 20_000 }, async () => {
    site = await slowSite(SHORT)
    slow = await slowClients({ port: site.port, count: COUNT, everyMs: 100 })
    await waitFor(() => site.connections() === 0, { timeoutMs: 10_000, what: 'all of them to be cut off' })
    await waitFor(() => site.inFlight() === 0, { what: 'their exchanges to end' })
    // Those that drip are told why. Those that do not read can't be.
    expect([...slow.statuses]).toEqual([['408', (COUNT * 2) / 3]])
  })

  it('do not keep others from being answered, and hold no body in memory', { timeout: 20_000 }, async () => {
    site = await slowSite(LONG)
    await latencies(site.port, 200, 8)
    const before = process.memoryUsage().rss
    slow = await slowClients({ port: site.port, count: COUNT, everyMs: 100 })
    const during = await latencies(site.port, 1_000, 8)
    const grown = process.memoryUsage().rss - before
    expect(during).toHaveLength(1_000)
    expect(site.connections(), 'all of them were there').toBeGreaterThanOrEqual(COUNT)
    expect(percentile(during, 0.99)).toBeLessThan(500)
    // 80 clients have asked for 64 MiB each. Two kernels' buffers and the test's own sockets are in this figure as well.
    expect(grown).toBeLessThan(256 * 1_048_576)
  })
})
