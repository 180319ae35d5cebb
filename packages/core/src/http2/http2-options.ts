/** HTTP/2 of a listener (RFC 9113): what clients may do on one connection. */
import type { Http2ConnectionOptions } from '@sluice/wire'
import { atLeast } from '../at-least.ts'
import { ConfigError } from '../errors.ts'
import type { ListenOptions } from '../listener.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'

/** HTTP/2 of a listener. */
export interface Http2ListenOptions {
  /**
   * On a listener without TLS: serves HTTP/2 to clients that begin with its preface, and HTTP/1.1 to all others (RFC 9113,
   * section 3.3). Each connection's first bytes are looked at for it, which costs HTTP/1.1 a little.
   * @default false
   */
  readonly cleartext?: boolean
  /** Requests under way on one connection; further ones are refused, and may be sent again. @default 100 */
  readonly maxConcurrentStreams?: number
  /**
   * What a client may send of one body before anybody has read it. One that uploads over a long way needs more: bandwidth
   * times round trip. A connection can hold this times `maxConcurrentStreams` in memory.
   * @default 65_535
   */
  readonly initialWindowBytes?: number
  /** The same for all bodies of a connection together. @default 1_048_576 */
  readonly connectionWindowBytes?: number
  /** What of replies may wait for one client to read it; further requests are refused then. @default 50_000_000 */
  readonly maxSessionMemoryBytes?: number
  /**
   * Requests that a client may reset before it has their reply, at once, and {@link resetsPerSecond} in the long run; one more
   * closes its connection ("rapid reset", CVE-2023-44487). What it has us reset or refuse counts as well. What it takes back in
   * the same breath reaches no upstream.
   * @default 200
   */
  readonly resetBurst?: number
  /** @default 33 */
  readonly resetsPerSecond?: number
  /** PING, SETTINGS and empty DATA frames that a client may send at once, and {@link controlsPerSecond} in the long run. @default 1_000 */
  readonly controlBurst?: number
  /** @default 100 */
  readonly controlsPerSecond?: number
}

const NAMES: OptionNames<Http2ListenOptions> = {
  cleartext: true,
  maxConcurrentStreams: true,
  initialWindowBytes: true,
  connectionWindowBytes: true,
  maxSessionMemoryBytes: true,
  resetBurst: true,
  resetsPerSecond: true,
  controlBurst: true,
  controlsPerSecond: true,
}

/** Resolved, with what a listener's other options mean for HTTP/2. */
export type Http2Plan = Http2ConnectionOptions

/** Names in ALPN (RFC 7301), those that are liked best first. */
const WITH_HTTP2: readonly string[] = ['h2', 'http/1.1']
const WITHOUT_HTTP2: readonly string[] = ['http/1.1']

const MAX_WINDOW_BYTES = 2 ** 31 - 1
/** Browsers send each cookie as a field of its own; together they count as one. */
const MAX_COOKIE_FIELDS = 256
const LONGEST_SWEEP_MS = 500
const SHORTEST_SWEEP_MS = 20

/** What the listener offers; `undefined` where it speaks HTTP/1.1 alone. */
export function http2Plan(options: ListenOptions): Http2Plan | undefined {
  const { http2 = true, tls } = options
  const given = typeof http2 === 'object' ? strictOption(http2, NAMES, 'listen.http2') : {}
  const { cleartext = false } = given
  if (cleartext && tls !== undefined)
    throw new ConfigError('listen.http2.cleartext', 'does not go together with "tls", where clients choose by ALPN')
  const plan = planOf(given, options)
  return http2 === false || (tls === undefined && !cleartext) ? undefined : plan
}

/** What is offered by ALPN. */
export function alpnProtocols(plan: Http2Plan | undefined): readonly string[] {
  return plan === undefined ? WITHOUT_HTTP2 : WITH_HTTP2
}

function planOf(http2: Http2ListenOptions, options: ListenOptions): Http2Plan {
  const number = (name: Exclude<keyof Http2ListenOptions, 'cleartext'>, minimum: number, fallback: number): number =>
    atLeast(minimum, http2[name] ?? fallback, `listen.http2.${name}`)
  const window = (name: 'initialWindowBytes' | 'connectionWindowBytes', minimum: number, fallback: number): number => {
    const bytes = number(name, minimum, fallback)
    if (bytes <= MAX_WINDOW_BYTES && Number.isInteger(bytes)) return bytes
    throw new ConfigError(`listen.http2.${name}`, 'must be a whole number of at most 2,147,483,647')
  }
  const maxHeaderBytes = options.maxHeaderBytes ?? 16_384
  const maxHeaderCount = options.maxHeaderCount ?? 100
  const maxConcurrentStreams = number('maxConcurrentStreams', 1, 100)
  const timeouts = {
    headTimeoutMs: options.headTimeoutMs ?? 60_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 0,
    bodyIdleTimeoutMs: options.bodyIdleTimeoutMs ?? 60_000,
    sendTimeoutMs: options.sendTimeoutMs ?? 60_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 65_000,
    maxAgeMs: options.maxConnectionAgeMs ?? 0,
  }
  return {
    maxConcurrentStreams,
    streamWindowBytes: window('initialWindowBytes', 1, 65_535),
    connectionWindowBytes: window('connectionWindowBytes', 65_535, 1_048_576),
    maxQueuedBytes: number('maxSessionMemoryBytes', 1_000_000, 50_000_000),
    resetBurst: number('resetBurst', 1, 200),
    resetsPerSecond: number('resetsPerSecond', 1, 33),
    controlBurst: number('controlBurst', 1, 1_000),
    controlsPerSecond: number('controlsPerSecond', 1, 100),
    maxHeaderBytes,
    maxHeaderCount,
    // What is somewhat too large gets its 431; beyond this, a reset of its stream.
    maxListBytes: 2 * maxHeaderBytes + 32 * maxHeaderCount,
    maxListCount: maxHeaderCount + MAX_COOKIE_FIELDS,
    ...timeouts,
    maxRequests: options.maxRequestsPerConnection ?? 0,
    sweepMs: sweepOf(Object.values(timeouts)),
  }
}

/** An eighth of the shortest timeout, within bounds: an idle connection, looked at four times less often, is half late. */
function sweepOf(timeouts: readonly number[]): number {
  const shortest = Math.min(...timeouts.filter((each) => each > 0), 8 * LONGEST_SWEEP_MS)
  return Math.max(SHORTEST_SWEEP_MS, shortest / 8)
}
