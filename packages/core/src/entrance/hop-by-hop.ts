/**
 * Fields that concern one connection only (RFC 9110, section 7.6.1). They are stripped at the entrance, in both
 * directions, before any middleware runs: so a client can remove with `Connection: x-user` only what it sent itself,
 * never what a middleware adds.
 */
import { type HeaderList, maskOf } from '@sluice/wire'

const HOP_BY_HOP = maskOf(
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
)
const CONNECTION = maskOf('connection')
const TE = maskOf('te')
const ALL_BUT_CONNECTION = HOP_BY_HOP & ~CONNECTION

const NAMES = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
])

/** Removes them; a message that has none, the usual case, costs one AND. */
export function stripHopByHop(headers: HeaderList): void {
  if (!headers.hasAny(HOP_BY_HOP)) return
  const named = headers.hasAny(CONNECTION) ? connectionOptions(headers) : undefined
  // Nearly always it is `Connection: keep-alive` and nothing else.
  if (named === undefined && !headers.hasAny(ALL_BUT_CONNECTION)) return void headers.delete('connection')
  headers.deleteWhere((key) => NAMES.has(key) || (named !== undefined && named.has(key)))
}

/** The field names that `Connection` lists, beyond the usual `close` and `keep-alive`. */
function connectionOptions(headers: HeaderList): Set<string> | undefined {
  const value = headers.get('connection')!.toLowerCase()
  if (value === 'keep-alive' || value === 'close') return undefined
  return new Set(value.split(',').map((option) => option.trim()))
}

/** Whether `Connection` has this option. */
export function hasConnectionOption(headers: HeaderList, option: string): boolean {
  const value = headers.get('connection')
  return value !== undefined && value.split(',').some((each) => each.trim().toLowerCase() === option)
}

/** Whether the sender takes trailer fields (RFC 9110, section 10.1.4), which HTTP/2 asks for in the same way. */
export function acceptsTrailers(headers: HeaderList): boolean {
  if (!headers.hasAny(TE)) return false
  return headers
    .get('te')!
    .split(',')
    .some((each) => each.trim().toLowerCase() === 'trailers')
}

/**
 * The first protocol that an `Upgrade` asks for, lower case, where `Connection` says that it is meant for this hop. HTTP/1.0 has no upgrades
 * (RFC 9110, section 7.8); a switch to HTTP/2 in the clear concerns this hop alone, and RFC 9113 has given it up.
 */
export function requestedUpgrade(headers: HeaderList, httpVersion: string): string | undefined {
  if (httpVersion === '1.0' || !headers.has('upgrade') || !hasConnectionOption(headers, 'upgrade')) return undefined
  const protocol = headers.get('upgrade')!.split(',')[0]!.trim().toLowerCase()
  return protocol === 'h2c' ? undefined : protocol
}
