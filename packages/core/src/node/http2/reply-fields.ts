/** The fields of a reply and of its trailers, in the forms that the engine takes. */
import { type HeaderList, maskOf, sendableTrailers } from '@sluice/wire'

const DATE = maskOf('date')
const CONNECTION_SPECIFIC = maskOf('connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te')
const NOT_FOR_HTTP2 = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'http2-settings',
])
/** Those for which it makes a difference that all of them arrive. */
const MAY_REPEAT = new Set(['set-cookie', 'link', 'via', 'vary', 'cache-control', 'www-authenticate', 'server-timing'])
const SPACE = 0x20

/** `[':status', '200', name, value, ...]`. `date` is used where the reply has none. */
export function replyFields(status: number, headers: HeaderList, date: string): string[] {
  if (headers.hasAny(CONNECTION_SPECIFIC)) dropConnectionFields(headers)
  const raw = headers.raw()
  const fields = [':status', String(status)]
  for (let i = 0; i < raw.length; i += 2) fields.push(raw[i]!, trimmed(raw[i + 1]!))
  if (!headers.hasAny(DATE)) fields.push('date', date)
  return fields
}

/** Removes what has no meaning here (RFC 9113, section 8.2.2). */
export function dropConnectionFields(headers: HeaderList): void {
  headers.deleteWhere((key) => NOT_FOR_HTTP2.has(key))
}

/** By name, as Node wants those of 1xx replies and trailers, and as older versions of it want all. */
export function fieldsByName(flat: readonly string[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null)
  for (let i = 0; i < flat.length; i += 2) {
    const key = flat[i]!.toLowerCase()
    const before = fields[key]
    const value = flat[i + 1]!
    if (before === undefined) fields[key] = value
    else if (Array.isArray(before)) before.push(value)
    else fields[key] = [before, value]
  }
  return fields
}

/** Without what the engine refuses, and of each field that it wants once the first alone. */
export function withoutRefused(flat: readonly string[]): string[] {
  const kept: string[] = []
  const seen = new Set<string>()
  for (let i = 0; i < flat.length; i += 2) {
    const key = flat[i]!.toLowerCase()
    if (NOT_FOR_HTTP2.has(key) || (seen.has(key) && !MAY_REPEAT.has(key))) continue
    seen.add(key)
    kept.push(flat[i]!, flat[i + 1]!)
  }
  return kept
}

/** The fields of a trailer section, without those that may not stand in one. */
export function trailerFields(trailers: HeaderList): Record<string, string | string[]> {
  const sent = sendableTrailers(trailers)
  dropConnectionFields(sent)
  return fieldsByName(sent.raw())
}

/** "A field value MUST NOT start or end with" white space (RFC 9113, section 8.2.1), which HTTP/1.1 does not mind. */
function trimmed(value: string): string {
  const { length } = value
  if (length === 0 || (value.charCodeAt(0) > SPACE && value.charCodeAt(length - 1) > SPACE)) return value
  return value.trim()
}
