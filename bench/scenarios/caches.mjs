/** Replies out of a cache, and into it, beside what forwarding them costs. */
import { measureLoad } from '../lib/load.mjs'
import {
  cpuMicros,
  cpuSecondsPerGib,
  loadValues,
  mibPerSecond,
  p99Ms,
  requestsPerSecond,
  residentMib,
} from './columns.mjs'

const subjects = ['nginx-cache', 'varnish', 'sluice-cache', 'sluice', 'node-constant']

function cacheHit(name, size, columns, must) {
  return {
    name,
    title: `Hits of ${size >= 1_048_576 ? '1 MiB' : `${size / 1_024} KiB`}`,
    subjects,
    columns,
    must,
    defaults: { connections: 64, seconds: 4, rounds: 5, warmupSeconds: 3, size },
    plan: ({ size: replyBytes, ...plan }) => ({ ...plan, replyBytes, bodyBytes: 0 }),
    describe: ({ connections, size: replyBytes }) =>
      `GET, ${replyBytes} bytes that are in the cache, ${connections} connections, kept alive. \`sluice\` forwards each request. nginx has its cache on tmpfs where there is one.`,
    async measure(subject, plan) {
      const load = await measureLoad(subject, plan)
      return { values: loadValues(load, plan.replyBytes), errors: load.errors }
    },
  }
}

const perRequest = [cpuMicros, requestsPerSecond, p99Ms, residentMib]
const perByte = [cpuSecondsPerGib, mibPerSecond, p99Ms, residentMib]

export const cacheHit1k = cacheHit('cache-hit', 1_024, perRequest, [
  { subject: 'sluice-cache', baseline: 'sluice', atMost: 0.6 },
  { subject: 'sluice-cache', baseline: 'nginx-cache', atMost: 1.2 },
])
export const cacheHit64k = cacheHit('cache-hit-64k', 65_536, perRequest, [])
export const cacheHit1m = cacheHit('cache-hit-1m', 1_048_576, perByte, [])

/** Each request is for something that was never asked for, and is stored; what lets another go, once the store is full. */
export const cacheMiss = {
  name: 'cache-miss',
  title: 'Misses of 1 KiB',
  subjects: ['nginx', 'nginx-cache', 'varnish', 'sluice', 'sluice-cache'],
  columns: perRequest,
  requires: ['wrk'],
  defaults: { connections: 64, seconds: 4, rounds: 5, warmupSeconds: 3, size: 1_024 },
  plan: ({ size: replyBytes, ...plan }) => ({ ...plan, replyBytes, bodyBytes: 0, paths: 'many' }),
  describe: ({ connections, size: replyBytes }) =>
    `GET, ${replyBytes} bytes, each URL once, ${connections} connections, kept alive. \`sluice\` and \`nginx\` forward alone; the others store what comes, 64 MiB of it at most. nginx has its cache on tmpfs where there is one.`,
  async measure(subject, plan) {
    const load = await measureLoad(subject, plan)
    return { values: loadValues(load, plan.replyBytes), errors: load.errors }
  },
}
