/** Options of `dnsTargets`, resolved once. */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { atLeast } from '../at-least.ts'
import { ConfigError } from '../errors.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'
import type { DnsTargetForm } from './dns-records.ts'

/** Options of {@link dnsTargets}. */
export interface DnsTargetsOptions {
  /** The whole name to ask for: `users.internal`, or `_http._tcp.users.internal` for SRV. Search domains do not apply. */
  readonly hostname: string
  /**
   * What to ask for. `A`, `AAAA`, or both of them: a target for each address. `SRV`: a target for each service, with the
   * port, priority and weight of its record.
   * @default 'A'
   */
  readonly type?: 'A' | 'AAAA' | 'A+AAAA' | 'SRV'
  /** The port at each address; not for SRV. @default that of the scheme */
  readonly port?: number
  /**
   * With `https` and addresses the certificate has to be for the address, unless the transport is told the name:
   * `wireTransport({ tls: { servername } })`.
   * @default 'http'
   */
  readonly scheme?: 'http' | 'https'
  /** Put before each path: `/api`. @default '' */
  readonly basePath?: string
  /** The weight of each address; not for SRV. @default 1 */
  readonly weight?: number
  /** Asks again no sooner than this, however short an answer holds; and the first pause after a failure. @default 1_000 */
  readonly minTtlMs?: number
  /** Asks again at the latest after this, however long an answer holds; and the longest pause between failures. @default 60_000 */
  readonly maxTtlMs?: number
  /** When to ask for SRV records again, since Node does not say how long they hold. @default 30_000 */
  readonly refreshMs?: number
  /** Longest wait for an answer. @default 5_000 */
  readonly timeoutMs?: number
  /**
   * What an answer without records (NXDOMAIN, NODATA) means. `keep`: that something is wrong there, so the targets stay and
   * it counts as a failure. `clear`: that there are no targets.
   * @default 'keep'
   */
  readonly emptyAnswer?: 'keep' | 'clear'
  /** Name servers to ask: addresses, with a port where it is not 53: `127.0.0.1:5353`. @default the system's */
  readonly nameservers?: readonly string[]
}

const NAMES: OptionNames<DnsTargetsOptions> = {
  hostname: true,
  type: true,
  port: true,
  scheme: true,
  basePath: true,
  weight: true,
  minTtlMs: true,
  maxTtlMs: true,
  refreshMs: true,
  timeoutMs: true,
  emptyAnswer: true,
  nameservers: true,
}

/** Kinds of records, each asked for by a question of its own. */
export type DnsRecordType = 'A' | 'AAAA' | 'SRV'

/** Resolved options. */
export interface DnsPlan {
  readonly hostname: string
  readonly types: readonly DnsRecordType[]
  readonly form: DnsTargetForm
  readonly minTtlMs: number
  readonly maxTtlMs: number
  readonly refreshMs: number
  readonly timeoutMs: number
  readonly emptyAnswer: 'keep' | 'clear'
  readonly nameservers: readonly string[] | undefined
}

const TYPES: Readonly<Record<NonNullable<DnsTargetsOptions['type']>, readonly DnsRecordType[]>> = {
  A: ['A'],
  AAAA: ['AAAA'],
  'A+AAAA': ['A', 'AAAA'],
  SRV: ['SRV'],
}
const LARGEST_PORT = 65_535

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function planDns(options: DnsTargetsOptions): DnsPlan {
  strictOption(options, NAMES, 'dnsTargets')
  const { hostname, type = 'A', scheme = 'http', basePath = '', emptyAnswer = 'keep', nameservers } = options
  check(typeof hostname === 'string' && /^[\w.-]+$/.test(hostname), 'hostname', 'must be a name of the DNS')
  check(isIP(hostname) === 0, 'hostname', 'is an address: write it down as a target')
  check(Object.hasOwn(TYPES, type), 'type', 'must be "A", "AAAA", "A+AAAA" or "SRV"')
  check(scheme === 'http' || scheme === 'https', 'scheme', 'must be "http" or "https"')
  check(/^(\/[^?#]*[^/?#])?$/.test(basePath), 'basePath', 'must begin with "/" and not end with it')
  check(emptyAnswer === 'keep' || emptyAnswer === 'clear', 'emptyAnswer', 'must be "keep" or "clear"')
  for (const each of ['port', 'weight'] as const)
    check(type !== 'SRV' || options[each] === undefined, each, 'stands in the records of a service')
  const { port = scheme === 'https' ? 443 : 80 } = options
  check(Number.isInteger(port) && port >= 1 && port <= LARGEST_PORT, 'port', `must be from 1 to ${LARGEST_PORT}`)
  const minTtlMs = duration(options.minTtlMs ?? 1_000, 'minTtlMs')
  const maxTtlMs = duration(options.maxTtlMs ?? 60_000, 'maxTtlMs')
  check(minTtlMs <= maxTtlMs, 'maxTtlMs', 'must not be less than minTtlMs')
  checkNameservers(nameservers)
  return {
    hostname,
    types: TYPES[type],
    form: { scheme, port, basePath, weight: atLeast(0, options.weight ?? 1, 'dnsTargets.weight') },
    minTtlMs,
    maxTtlMs,
    refreshMs: duration(options.refreshMs ?? 30_000, 'refreshMs'),
    timeoutMs: duration(options.timeoutMs ?? 5_000, 'timeoutMs'),
    emptyAnswer,
    nameservers,
  }
}

/** A resolver for a plan. `tries` of one each take an equal part of the time. */
export function resolverFor({ nameservers, timeoutMs }: Pick<DnsPlan, 'nameservers' | 'timeoutMs'>): Resolver {
  const tries = 2
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / tries), tries })
  if (nameservers !== undefined) resolver.setServers(nameservers)
  return resolver
}

function checkNameservers(nameservers: readonly string[] | undefined): void {
  if (nameservers === undefined) return
  const at = 'dnsTargets.nameservers'
  if (!Array.isArray(nameservers) || nameservers.length === 0) throw new ConfigError(at, 'needs at least one address')
  try {
    resolverFor({ nameservers, timeoutMs: 1 })
  } catch (cause) {
    throw new ConfigError(at, 'must be addresses, with or without a port', { cause })
  }
}

function duration(value: number, option: string): number {
  return atLeast(1, value, `dnsTargets.${option}`)
}

function check(holds: boolean, option: string, problem: string): void {
  if (!holds) throw new ConfigError(`dnsTargets.${option}`, problem)
}
