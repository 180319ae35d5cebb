/** HTTP/2 over TLS, by h2load of nghttp2: one thread, as many streams on each connection as the plan says. */
import { run } from './processes.mjs'
import { CIPHER } from './tls-options.mjs'

export const h2load = { name: 'h2load', apply: loadWithH2load }

async function loadWithH2load({ url }, { connections, streams, seconds, replyBytes }) {
  const shape = ['-t1', `-c${connections}`, `-m${streams}`, `-D${seconds}`, `--tls13-ciphers=${CIPHER}`]
  const { stdout, stderr } = await run('h2load', [...shape, url])
  const text = `${stdout}\n${stderr}`
  const counts = /^requests: (\d+) total, .+ (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(text)
  const time = /^time for request: +(.+)$/m.exec(text)?.[1].trim().split(/ +/)
  if (counts === null || time === undefined) throw new Error(`h2load gave no result: ${text.trim().slice(-200)}`)
  const [requests, succeeded, failed, errored, timeouts] = counts.slice(1).map(Number)
  const bytes = Number(/\((\d+)\) data$/m.exec(text)?.[1] ?? 0)
  const errors = Object.entries({ failed, errored, timeouts }).filter(([, count]) => count > 0)
  return {
    requests: succeeded,
    seconds,
    bytes,
    // h2load gives the least, the most, the mean and the deviation, and no percentiles.
    meanMs: millis(time[2]),
    errors: [
      ...errors.map(([kind, count]) => `${count} ${kind}`),
      ...(requests === 0 ? ['no reply at all'] : []),
      // Of the replies that are on their way when the time is up a part has been counted.
      ...(bytes < succeeded * replyBytes ? ['replies shorter than their body'] : []),
      ...(/^Application protocol: h2$/m.test(text) ? [] : ['not HTTP/2']),
    ],
  }
}

/** `12.34ms`, `567us`, `1.20s`. */
function millis(duration) {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(duration)
  return Number(number) * { us: 0.001, ms: 1, s: 1000 }[unit]
}
