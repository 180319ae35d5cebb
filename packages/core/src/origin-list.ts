/**
 * Lists of origins (RFC 6454) as options name the pages that may do something. What a browser sends is compared as it stands:
 * an origin has one spelling (section 6.2), and whatever is spelled otherwise is none of ours.
 */
import { ConfigError } from './errors.ts'

const WILDCARD = /^([a-z][a-z0-9+.-]*:\/\/)\*(\.[^*/?#@\s]+)$/
/** As of extensions and apps, which `URL` knows no origin of. */
const OTHER_SCHEME = /^[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9._~-]+(?::\d+)?$/
/** What `*` stands for: one or more labels, and nothing that ends a host. */
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

/** Says whether an origin is in the list. */
export type OriginList = (origin: string) => boolean

/**
 * `https://app.example.com`, `https://app.example.com:8443`, `https://*.example.com` (any name below it, not itself) or `null`.
 * Scheme, host and port all count. Entries that are the `word` mean something to the caller, and nothing here.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` where an entry is no origin; `at` is the option's place
 */
export function originList(entries: readonly string[], at: string, word?: string): OriginList {
  if (!Array.isArray(entries)) throw new ConfigError(at, 'must be a list of origins')
  const exact = new Set<string>()
  const wildcards: (readonly [scheme: string, suffix: string])[] = []
  for (const [index, entry] of (entries as readonly string[]).entries()) {
    if (word !== undefined && entry === word) continue
    const wildcard = WILDCARD.exec(entry)
    if (wildcard === null) exact.add(originOf(entry, `${at}[${index}]`))
    else wildcards.push([wildcard[1]!, suffixOf(wildcard[1]!, wildcard[2]!, `${at}[${index}]`)])
  }
  if (wildcards.length === 0) return (origin) => exact.has(origin)
  return (origin) => exact.has(origin) || wildcards.some(([scheme, suffix]) => isBelow(origin, scheme, suffix))
}

function isBelow(origin: string, scheme: string, suffix: string): boolean {
  return (
    origin.startsWith(scheme) && origin.endsWith(suffix) && LABELS.test(origin.slice(scheme.length, -suffix.length))
  )
}

function originOf(entry: string, at: string): string {
  if (entry === 'null') return entry
  // `URL` takes a `*` for a part of a host.
  const url = typeof entry === 'string' && !entry.includes('*') && URL.canParse(entry) ? new URL(entry) : undefined
  if (url !== undefined && url.origin !== 'null' && (entry === url.origin || entry === `${url.origin}/`))
    return url.origin
  if (url?.origin === 'null' && OTHER_SCHEME.test(entry)) return entry
  throw new ConfigError(at, 'must be an origin such as "https://app.example.com", or "https://*.example.com"')
}

/** `.example.com:8443`, without a port that goes without saying. Below one label would be everybody. */
function suffixOf(scheme: string, suffix: string, at: string): string {
  const text = `${scheme}x${suffix}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  const host = url === undefined || url.origin === 'null' ? `x${suffix}`.toLowerCase() : url.host
  const name = host.replace(/:\d+$/, '').slice(2)
  if (!LABELS.test(name) || !(name.includes('.') || name === 'localhost'))
    throw new ConfigError(at, 'must name at least two labels behind "*.", as "https://*.example.com" does')
  return host.slice(1)
}
