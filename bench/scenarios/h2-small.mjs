/** Small JSON replies over HTTP/2 and TLS, to an upstream of HTTP/1.1. */
import { h2load } from '../lib/load-h2load.mjs'
import { measureLoad } from '../lib/load.mjs'
import { cpuMicros, loadValues, requestsPerSecond, residentMib } from './columns.mjs'

const STREAMS = 10

export const h2Small = {
  name: 'h2-small',
  title: 'Small JSON replies over HTTP/2',
  subjects: ['nginx', 'haproxy', 'sluice', 'node-http2', 'http-proxy-3'],
  certificate: true,
  http2: true,
  requires: ['h2load'],
  load: h2load,
  columns: [cpuMicros, requestsPerSecond, { key: 'meanMs', title: 'mean ms', digits: 2 }, residentMib],
  must: [{ subject: 'sluice', baseline: 'nginx', atMost: 2.2 }],
  defaults: { connections: 16, seconds: 4, rounds: 5, warmupSeconds: 3, size: 863 },
  plan: ({ size, ...plan }) => ({ ...plan, streams: STREAMS, replyBytes: size, bodyBytes: 0 }),
  describe: ({ connections, size }) =>
    `GET, ${size} bytes of JSON, ${connections} connections of HTTP/2 over TLS 1.3 with AES-128-GCM, ${STREAMS} streams on each; HTTP/1.1 behind, kept alive.`,
  async measure(subject, plan) {
    const load = await measureLoad(subject, plan, h2load)
    return { values: { ...loadValues(load, plan.replyBytes), meanMs: load.meanMs }, errors: load.errors }
  },
}
