/** The proxies that are compared: which there are, how one is started, and whether it proxies at all. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { oneRequest } from './one-request.mjs'
import { freePort, NotReadyError, startProgram } from './processes.mjs'

const FOLDER = fileURLToPath(new URL('../subjects/', import.meta.url))

/** The order of the table; whatever else stands in `subjects/` comes after it. */
const ORDER = [
  'nginx',
  'nginx-large-buffers',
  'nginx-cache',
  'varnish',
  'haproxy',
  'sluice',
  'sluice-chain',
  'sluice-cache',
  'sluice-node',
  'fast-proxy',
  'fast-proxy-pipelined',
  'node-http2',
  'node-undici',
  'node-http',
  'httpxy',
  'fastify-http-proxy',
  'http-proxy-3',
  'node-constant',
]

/** What answers by itself, for scale, and need not have asked the upstream. */
const FLOORS = ['node-constant']

/** What answers a question that only some scenarios ask; elsewhere it runs where it is named. */
const ONLY_IN = {
  'nginx-large-buffers': ['response-1m', 'request-1m'],
  'fast-proxy-pipelined': ['small'],
  'node-http2': ['h2-small'],
  // They answer without asking: only where that is the question, whose scenarios name them.
  'nginx-cache': [],
  varnish: [],
  'sluice-cache': [],
}

/** All there are, or those that a scenario measures where none are named. */
export function subjectNames(scenario) {
  const found = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.mjs'))
    .map((file) => file.slice(0, -'.mjs'.length))
  const known = ORDER.filter((name) => found.includes(name))
  const names = [...known, ...found.filter((name) => !known.includes(name)).toSorted()]
  return scenario === undefined ? names : names.filter((name) => ONLY_IN[name]?.includes(scenario) ?? true)
}

/**
 * With a certificate the subject gets its folder, and speaks TLS.
 * @throws {NotReadyError} where it is not installed, not built, or does not start
 */
export async function startSubject(name, { upstream, certificate, scenario }) {
  const port = await freePort()
  const args = [port, upstream.url, ...(certificate === undefined ? [] : [certificate.folder])]
  const process = await startProgram(`${FOLDER}${name}.mjs`, args, scenario.nodeArguments)
  const scheme = certificate === undefined ? 'http' : 'https'
  const subject = { name, ...process, port, url: `${scheme}://127.0.0.1:${port}/`, ca: certificate?.ca }
  try {
    await checkSubject(subject, upstream, scenario)
    return subject
  } catch (error) {
    await process.stop()
    throw error
  }
}

/** Why a subject could not be started, in a few words. */
export function reasonOf(error) {
  const stderr = error instanceof NotReadyError ? error.stderr : ''
  if (/ERR_MODULE_NOT_FOUND/.test(stderr)) return 'not installed, or not built'
  const line = /^\w*Error: (.+)$/m.exec(stderr)?.[1] ?? stderr.trim().split('\n').at(-1)
  return line ? `${line}` : error.message
}

async function checkSubject({ name, url, ca }, upstream, { http2 }) {
  const { status, headers, body } = await oneRequest(url, { ca, http2 })
  if (status !== 200) throw new Error(`answers with ${status}`)
  if (body !== upstream.body) throw new Error(`answers with another body than the upstream (${body.length} bytes)`)
  if (!FLOORS.includes(name) && headers['x-upstream-token'] !== upstream.token) {
    throw new Error('its reply does not come from the upstream')
  }
}
