/** Targets out of DNS answers: addresses (RFC 1035, RFC 3596) and services (SRV, RFC 2782). */
import type { SrvRecord } from 'node:dns'
import { isIPv6 } from 'node:net'
import type { TargetConfig } from './target.ts'

/** What the answers do not say. */
export interface DnsTargetForm {
  readonly scheme: 'http' | 'https'
  /** For addresses; an SRV record has a port of its own. */
  readonly port: number
  /** Begins with `/` and does not end with it, or empty. */
  readonly basePath: string
  /** For addresses; an SRV record has a weight of its own. */
  readonly weight: number
}

/** Names of hosts, and what people use as such. Whatever else stood in a URL might be read as a user, a port or a path. */
const HOST_NAME = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/

/** A target for each address, in an order that does not turn as the answers of name servers do. */
export function targetsOfAddresses(addresses: readonly string[], form: DnsTargetForm): TargetConfig[] {
  const { scheme, port, basePath, weight } = form
  return [...new Set(addresses)].sort().map((address) => {
    const host = isIPv6(address) ? `[${address}]` : address
    return { url: `${scheme}://${host}:${port}${basePath}`, weight }
  })
}

/**
 * A target for each place that the records name, by its name, so that `Host` and TLS identity are its own. A place that is
 * named twice counts once, with its best priority. The target `.` says that there is no such service.
 * @throws {RangeError} where a record's target is no name of a host
 */
export function targetsOfServices(records: readonly SrvRecord[], form: DnsTargetForm): TargetConfig[] {
  const places = new Map<string, SrvRecord>()
  for (const record of records.toSorted(byPreference)) {
    const name = record.name.toLowerCase().replace(/\.$/, '')
    if (name === '') continue
    if (!HOST_NAME.test(name)) throw new RangeError(`an SRV record names no host: ${JSON.stringify(record.name)}`)
    const place = `${name}:${record.port}`
    if (!places.has(place)) places.set(place, record)
  }
  const kept = [...places.values()]
  return [...places].map(([place, record]) => ({
    url: `${form.scheme}://${place}${form.basePath}`,
    weight: weightOf(record, kept),
    priority: record.priority,
  }))
}

/** In an order that depends on the records alone. */
function byPreference(a: SrvRecord, b: SrvRecord): number {
  const byName = a.name < b.name ? -1 : a.name > b.name ? 1 : 0
  return a.priority - b.priority || byName || a.port - b.port || b.weight - a.weight
}

/**
 * The records' own weights, but for 0, which in SRV does not mean "never". Where all of a priority have 0 they share
 * evenly. Beside others, those of 0 share 1 between them: the chance that the algorithm of RFC 2782 gives them, which
 * draws a whole number from 0 to the sum of the weights, and takes them for 0.
 */
function weightOf(record: SrvRecord, all: readonly SrvRecord[]): number {
  if (record.weight > 0) return record.weight
  const alike = all.filter(({ priority }) => priority === record.priority)
  const withoutWeight = alike.filter(({ weight }) => weight === 0).length
  return withoutWeight === alike.length ? 1 : 1 / withoutWeight
}
