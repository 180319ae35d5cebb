/**
 * TLS handshakes, by `openssl s_time`: each connection makes one request, in HTTP/1.0, and goes. One of its processes has one
 * connection at a time, so there are several of them.
 */
import { run } from './processes.mjs'
import { CIPHER } from './tls-options.mjs'

/** Every handshake a whole one. */
export const fullHandshakes = { name: 'openssl', apply: (subject, plan) => handshakes(subject, plan, '-new') }
/** Every handshake goes on with the session of the first one, by its ticket. */
export const resumedHandshakes = { name: 'openssl', apply: (subject, plan) => handshakes(subject, plan, '-reuse') }

/** A `request` of the result is a connection with its handshake. */
async function handshakes({ port }, { connections, seconds, replyBytes }, kind) {
  const target = ['-connect', `127.0.0.1:${port}`, '-www', '/']
  const args = ['s_time', ...target, kind, '-time', `${seconds}`, '-tls1_3', '-ciphersuites', CIPHER]
  const before = performance.now()
  const runs = await Promise.all(Array.from({ length: connections }, () => run('openssl', args)))
  const elapsed = (performance.now() - before) / 1000
  const errors = new Set()
  let [requests, bytes] = [0, 0]
  for (const { stdout, stderr, code } of runs) {
    const [, count, size] =
      /^(\d+) connections in \d+ real seconds, (\d+) bytes read per connection$/m.exec(stdout) ?? []
    if (code !== 0 || count === undefined) errors.add(lastLine(stderr) ?? 'openssl gave no result')
    requests += Number(count ?? 0)
    bytes += Number(count ?? 0) * Number(size ?? 0)
  }
  if (requests === 0) errors.add('no handshake at all')
  else if (bytes / requests < replyBytes) errors.add('replies shorter than their body')
  return { requests, seconds: elapsed, bytes, errors: [...errors] }
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) || undefined
}
