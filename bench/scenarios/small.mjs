/** Small JSON replies at full speed: what a proxy costs for each request. */
import { measureLoad } from '../lib/load.mjs'
import { cpuMicros, loadValues, p99Ms, requestsPerSecond, residentMib } from './columns.mjs'

export const small = {
  name: 'small',
  title: 'Small JSON replies',
  columns: [cpuMicros, requestsPerSecond, p99Ms, residentMib],
  must: [
    { subject: 'sluice', baseline: 'nginx', atMost: 1.6 },
    { subject: 'sluice-chain', baseline: 'nginx', atMost: 2 },
    { subject: 'sluice', baseline: 'fast-proxy', atMost: 0.5 },
    { subject: 'sluice-node', baseline: 'fast-proxy', atMost: 0.75 },
  ],
  defaults: { connections: 64, seconds: 4, rounds: 5, warmupSeconds: 3, size: 863 },
  plan: ({ size, ...plan }) => ({ ...plan, replyBytes: size, bodyBytes: 0 }),
  describe: ({ connections, size }) =>
    `GET, ${size} bytes of JSON, ${connections} connections, kept alive on both sides.`,
  async measure(subject, plan) {
    const load = await measureLoad(subject, plan)
    return { values: loadValues(load, plan.replyBytes), errors: load.errors }
  },
}
