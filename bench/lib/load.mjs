/** Puts one proxy under load and reads, around it, what the proxy's process used. */
import { findProgram } from './external-program.mjs'
import { loadWithAutocannon } from './load-autocannon.mjs'
import { loadWithWrk } from './load-wrk.mjs'
import { cpuSeconds, residentBytes, servingProcesses } from './proc-stat.mjs'

const MEMORY_SAMPLE_MS = 200

/**
 * The load of every scenario that has none of its own. A load has a name, and `apply(subject, plan)`, whose result has
 * `requests`, `seconds` and `errors` at least.
 */
export const httpLoad = { name: findProgram('wrk') === undefined ? 'autocannon' : 'wrk', apply: applyLoad }

/**
 * A plan: `{ connections, seconds, method, bodyBytes, replyBytes, meanPauseMs }`. The result has what the generator saw
 * and `cpuSeconds`, `peakBytes` of the proxy; `errors` is empty where every reply was right.
 */
export async function measureLoad(subject, plan, load = httpLoad) {
  const pids = servingProcesses(subject.pid)
  let peakBytes = 0
  const sampler = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(pids))), MEMORY_SAMPLE_MS)
  try {
    const before = cpuSeconds(pids)
    const seen = await load.apply(subject, plan)
    const used = cpuSeconds(pids) - before
    return { ...seen, cpuSeconds: used, peakBytes: Math.max(peakBytes, residentBytes(pids)) }
  } finally {
    clearInterval(sampler)
  }
}

async function applyLoad(subject, plan) {
  const load = httpLoad.name === 'wrk' ? loadWithWrk : loadWithAutocannon
  const seen = await load({ method: 'GET', bodyBytes: 0, meanPauseMs: 0, ...plan, url: subject.url, ca: subject.ca })
  const errors = [...seen.errors]
  if (seen.requests === 0) errors.push('no reply at all')
  else if (seen.bytes / seen.requests < (plan.replyBytes ?? 0)) errors.push('replies shorter than their body')
  return { ...seen, errors }
}
