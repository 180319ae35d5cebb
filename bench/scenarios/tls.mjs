/** TLS in front: whole handshakes, and small replies on connections that stay open. */
import { fullHandshakes, resumedHandshakes } from '../lib/load-handshakes.mjs'
import { measureLoad } from '../lib/load.mjs'
import { loadValues, residentMib } from './columns.mjs'
import { small } from './small.mjs'

const SUBJECTS = ['nginx', 'haproxy', 'sluice', 'sluice-node', 'http-proxy-3']
const TERMS = 'TLS 1.3, AES-128-GCM, a certificate of ECDSA P-256'

export const tlsSmall = {
  ...small,
  name: 'tls-small',
  title: 'Small JSON replies over TLS',
  subjects: SUBJECTS,
  certificate: true,
  must: [{ subject: 'sluice', baseline: 'nginx', atMost: 1.8 }],
  describe: (options) => `${small.describe(options)} ${TERMS} in front, plain text behind.`,
}

export const tlsHandshakes = {
  name: 'tls-handshakes',
  title: 'TLS handshakes',
  subjects: SUBJECTS,
  certificate: true,
  requires: ['openssl'],
  load: fullHandshakes,
  columns: [
    { key: 'cpuMicros', title: 'CPU µs/handshake', digits: 0 },
    { key: 'perSecond', title: 'handshakes/s', digits: 0 },
    { key: 'resumedMicros', title: 'CPU µs/resumption', digits: 0 },
    { key: 'resumedPerSecond', title: 'resumptions/s', digits: 0 },
    residentMib,
  ],
  must: [{ subject: 'sluice', baseline: 'nginx', atMost: 1.8 }],
  defaults: { connections: 8, seconds: 3, rounds: 5, warmupSeconds: 3, size: 863 },
  plan: ({ size, ...plan }) => ({ ...plan, replyBytes: size, bodyBytes: 0 }),
  describe: ({ connections, size }) =>
    `A connection for each request, ${connections} at a time: a whole handshake, or one that resumes a session; then GET, ${size} bytes of JSON. ${TERMS}. What the request costs is counted with it.`,
  async measure(subject, plan) {
    const full = await measureLoad(subject, plan, fullHandshakes)
    const resumed = await measureLoad(subject, plan, resumedHandshakes)
    const { cpuMicros, requestsPerSecond, residentMib: mib } = loadValues(full, plan.replyBytes)
    const again = loadValues(resumed, plan.replyBytes)
    const values = {
      cpuMicros,
      perSecond: requestsPerSecond,
      resumedMicros: again.cpuMicros,
      resumedPerSecond: again.requestsPerSecond,
      residentMib: mib,
    }
    return { values, errors: [...full.errors, ...resumed.errors] }
  },
}
