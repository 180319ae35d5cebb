/** Large bodies, down and up: what a proxy costs for each byte. */
import { measureLoad } from '../lib/load.mjs'
import { cpuSecondsPerGib, loadValues, mibPerSecond, p99Ms, residentMib } from './columns.mjs'

const columns = [cpuSecondsPerGib, mibPerSecond, p99Ms, residentMib]
const must = [{ subject: 'sluice', baseline: 'nginx', atMost: 1.4 }]
const defaults = { connections: 64, seconds: 4, rounds: 5, warmupSeconds: 3, size: 1024 * 1024 }

export const response1m = {
  name: 'response-1m',
  title: 'Large reply bodies',
  columns,
  must,
  defaults,
  plan: ({ size, ...plan }) => ({ ...plan, replyBytes: size, bodyBytes: 0 }),
  describe: ({ connections, size }) =>
    `GET, ${size} bytes of reply, ${connections} connections, kept alive on both sides.`,
  async measure(subject, plan) {
    const load = await measureLoad(subject, plan)
    return { values: loadValues(load, plan.replyBytes), errors: load.errors }
  },
}

export const request1m = {
  name: 'request-1m',
  title: 'Large request bodies',
  columns,
  must,
  defaults,
  readsBodies: true,
  plan: ({ size, ...plan }) => ({ ...plan, method: 'POST', bodyBytes: size, replyBytes: 128 }),
  describe: ({ connections, size }) =>
    `POST, ${size} bytes of request, ${connections} connections, kept alive on both sides.`,
  async measure(subject, plan) {
    const load = await measureLoad(subject, plan)
    return { values: loadValues(load, plan.bodyBytes), errors: load.errors }
  },
}
