/**
 * Load by autocannon, where wrk is missing. It runs in this process and takes more of the machine than wrk, so that
 * throughput and latency come out lower; processor time per request stays comparable.
 */
import autocannon from 'autocannon'

export async function loadWithAutocannon({ url, ca, connections, seconds, method, bodyBytes, meanPauseMs }) {
  const body = bodyBytes > 0 ? { body: Buffer.alloc(bodyBytes, 'x') } : {}
  const pace = meanPauseMs > 0 ? { overallRate: Math.max(1, Math.round((connections * 1000) / meanPauseMs)) } : {}
  const tls = ca === undefined ? {} : { tlsOptions: { ca } }
  const result = await autocannon({ url, ...tls, connections, duration: seconds, method, ...body, ...pace })
  const counts = { 'error replies': result.non2xx, 'socket errors': result.errors, timeouts: result.timeouts }
  return {
    requests: result.requests.total,
    seconds: result.duration,
    bytes: result.throughput.total,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => `${count} ${kind}`),
  }
}
