/** Load by wrk: one thread, which is more than one proxy process can answer. */
import { fileURLToPath } from 'node:url'
import { run } from './processes.mjs'

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url))

export async function loadWithWrk({ url, connections, seconds, method, bodyBytes, meanPauseMs, paths = 'one' }) {
  const shape = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', SCRIPT]
  const script = [method, String(bodyBytes), String(meanPauseMs), paths]
  const { stdout, stderr } = await run('wrk', [...shape, url, '--', ...script])
  const line = /^RESULT (.+)$/m.exec(stdout)?.[1]
  if (line === undefined) throw new Error(`wrk gave no result: ${stderr.trim() || stdout.trim()}`)
  const { requests, micros, bytes, p50, p99, ...errors } = JSON.parse(line)
  return {
    requests,
    seconds: micros / 1e6,
    bytes,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    errors: Object.entries(errors)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => `${count} ${kind === 'status' ? 'replies with an error status' : `${kind} errors`}`),
  }
}
