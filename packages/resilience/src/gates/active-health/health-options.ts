/** Options of active health checks, and what they are compiled to. */
import { compileTargetTls, ConfigError, type TransportTlsOptions } from '@sluice/core'
import { numberOption, type OptionNames, strictOption, wholeOption } from '@sluice/core/options'
import { StatusSet, type StatusRange } from '../../status-set.ts'
import { httpProber } from './http-probe.ts'
import type { Prober } from './probe.ts'
import { tcpProber } from './tcp-probe.ts'

/** Options of `activeHealth`. */
export interface ActiveHealthOptions {
  /** `http`: a request whose reply must be right. `tcp`: a connection that must be accepted. @default 'http' */
  readonly type?: 'http' | 'tcp'
  /** The port to probe, in place of the target's own, and of its socket if it has one. @default the target's */
  readonly port?: number
  /** Time from one probe of a target to the next, in milliseconds. @default 5_000 */
  readonly intervalMs?: number
  /** Each interval is longer or shorter by up to this share, by chance, at most 0.5: so probes spread. @default 0.1 */
  readonly jitter?: number
  /** How long a probe may take as a whole, in milliseconds; longer has failed. @default 2_000 */
  readonly timeoutMs?: number
  /** Probes that must fail in a row before a target is left out. @default 3 */
  readonly unhealthyAfter?: number
  /** Probes that must go well in a row before it is used again. The first of all is enough alone. @default 2 */
  readonly healthyAfter?: number
  /** What a target is before its first probe. @default 'healthy' */
  readonly initial?: 'healthy' | 'unhealthy'
  /** Probes under way at once, over all targets of an upstream; others wait. @default 64 */
  readonly maxConcurrentProbes?: number
  /** HTTP: the path, behind the target's base path. May have a query. @default '/' */
  readonly path?: string
  /** HTTP. @default 'GET' */
  readonly method?: string
  /** HTTP: the `Host` field. @default the host and port that are probed */
  readonly host?: string
  /** HTTP: further fields to send. */
  readonly headers?: Readonly<Record<string, string>>
  /** HTTP: the statuses that are well. @default ['2xx'] */
  readonly statuses?: readonly StatusRange[]
  /** HTTP: text that the body must contain. */
  readonly bodyIncludes?: string
  /** HTTP: a regular expression, or its source, that the body must match. */
  readonly bodyPattern?: string | RegExp
  /** HTTP: how much of the body is read, in bytes; the rest is neither awaited nor matched. @default 65_536 */
  readonly maxBodyBytes?: number
  /** HTTP: for targets whose URL is https. */
  readonly tls?: TransportTlsOptions
}

const NAMES: OptionNames<ActiveHealthOptions> = {
  type: true,
  port: true,
  intervalMs: true,
  jitter: true,
  timeoutMs: true,
  unhealthyAfter: true,
  healthyAfter: true,
  initial: true,
  maxConcurrentProbes: true,
  path: true,
  method: true,
  host: true,
  headers: true,
  statuses: true,
  bodyIncludes: true,
  bodyPattern: true,
  maxBodyBytes: true,
  tls: true,
}

/** When to probe, and what to make of it. */
export interface HealthPolicy {
  readonly prober: Prober
  readonly intervalMs: number
  readonly jitter: number
  readonly timeoutMs: number
  readonly unhealthyAfter: number
  readonly healthyAfter: number
  readonly initiallyHealthy: boolean
  readonly maxConcurrentProbes: number
}

const AT = 'activeHealth'
/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** RFC 9110, section 5.5. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** What undici decides itself, and what has an option. */
const RESERVED = new Set([
  'host',
  'connection',
  'keep-alive',
  'upgrade',
  'transfer-encoding',
  'content-length',
  'expect',
])

/** @throws {ConfigError} where an option is wrong */
export function healthPolicy(options: ActiveHealthOptions): HealthPolicy {
  strictOption(options, NAMES, AT)
  const { type = 'http', initial = 'healthy' } = options
  if (type !== 'http' && type !== 'tcp') throw new ConfigError(`${AT}.type`, 'must be "http" or "tcp"')
  if (initial !== 'healthy' && initial !== 'unhealthy')
    throw new ConfigError(`${AT}.initial`, 'must be "healthy" or "unhealthy"')
  const port = options.port === undefined ? undefined : wholeOption(options.port, 0, `${AT}.port`, 1, 65_535)
  return {
    prober: type === 'tcp' ? tcpProber(port) : compileHttp(options, port),
    intervalMs: numberOption(options.intervalMs, 5_000, `${AT}.intervalMs`, 1),
    jitter: numberOption(options.jitter, 0.1, `${AT}.jitter`, 0, 0.5),
    timeoutMs: numberOption(options.timeoutMs, 2_000, `${AT}.timeoutMs`, 1),
    unhealthyAfter: wholeOption(options.unhealthyAfter, 3, `${AT}.unhealthyAfter`, 1),
    healthyAfter: wholeOption(options.healthyAfter, 2, `${AT}.healthyAfter`, 1),
    initiallyHealthy: initial === 'healthy',
    maxConcurrentProbes: wholeOption(options.maxConcurrentProbes, 64, `${AT}.maxConcurrentProbes`, 1),
  }
}

function compileHttp(options: ActiveHealthOptions, port: number | undefined): Prober {
  const { path = '/', method = 'GET', host, headers = {} } = options
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new ConfigError(`${AT}.path`, `"${path}" must begin with "/", and be ASCII`)
  if (!TOKEN.test(method) || method === 'CONNECT') throw new ConfigError(`${AT}.method`, `"${method}" can not be sent`)
  if (host !== undefined && !/^[\x21-\x7e]+$/.test(host)) throw new ConfigError(`${AT}.host`, `"${host}" is not a host`)
  const fields: Record<string, string> = { 'user-agent': 'sluice-health' }
  for (const [name, value] of Object.entries(headers)) {
    if (!TOKEN.test(name) || RESERVED.has(name.toLowerCase()))
      throw new ConfigError(`${AT}.headers`, `"${name}" can not be sent`)
    if (typeof value !== 'string' || !FIELD_VALUE.test(value))
      throw new ConfigError(`${AT}.headers.${name}`, 'is not a field value')
    fields[name.toLowerCase()] = value
  }
  return httpProber({
    method,
    path,
    host,
    port,
    headers: fields,
    statuses: new StatusSet(options.statuses ?? ['2xx'], `${AT}.statuses`),
    matchesBody: compileMatch(options),
    maxBodyBytes: wholeOption(options.maxBodyBytes, 65_536, `${AT}.maxBodyBytes`, 1),
    // What can not be read would otherwise show as a target that is never well.
    tls: compileTargetTls(options.tls, `${AT}.tls`),
  })
}

function compileMatch({ bodyIncludes, bodyPattern }: ActiveHealthOptions): ((text: string) => boolean) | undefined {
  if (bodyIncludes === undefined && bodyPattern === undefined) return undefined
  const pattern = bodyPattern === undefined ? undefined : compilePattern(bodyPattern)
  return (text) => (bodyIncludes === undefined || text.includes(bodyIncludes)) && pattern?.test(text) !== false
}

function compilePattern(pattern: string | RegExp): RegExp {
  try {
    // One that is global or sticky would remember where it stopped.
    return pattern instanceof RegExp
      ? new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
      : new RegExp(pattern)
  } catch (cause) {
    throw new ConfigError(`${AT}.bodyPattern`, 'is not a regular expression', { cause })
  }
}
