/** Small replies at half of each proxy's own maximum rate: the latency of a proxy that is busy, not flooded. */
import { measureLoad } from '../lib/load.mjs'
import { cpuMicros, loadValues, requestsPerSecond } from './columns.mjs'
import { small } from './small.mjs'

const FIRST_PART = 0.5

export const halfRate = {
  ...small,
  name: 'half-rate',
  title: 'Small JSON replies at half of the maximum rate',
  columns: [
    { key: 'p99Ms', title: 'p99 ms', digits: 2 },
    { key: 'p50Ms', title: 'p50 ms', digits: 2 },
    requestsPerSecond,
    cpuMicros,
  ],
  must: [{ subject: 'sluice', baseline: 'nginx', atMost: 2 }],
  describe: (options) =>
    `${small.describe(options)} Poisson arrivals at half of the rate that the proxy reached just before.`,
  async measure(subject, plan) {
    const full = await measureLoad(subject, { ...plan, seconds: Math.ceil(plan.seconds * FIRST_PART) })
    // With pauses of this mean, all connections together send at half the rate, less the little that replies take.
    const meanPauseMs = (plan.connections / (full.requests / full.seconds / 2)) * 1000
    const half = await measureLoad(subject, { ...plan, meanPauseMs })
    return { values: loadValues(half, plan.replyBytes), errors: [...full.errors, ...half.errors] }
  },
}
