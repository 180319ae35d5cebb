/** The head of an attempt in the form that HTTP/2 has for it (RFC 9113, section 8.3.1). */
import type { OutgoingHttpHeaders } from 'node:http2'
import { maskOf } from '@sluice/wire'
import type { Target } from '../../upstream/target.ts'
import type { TransportRequest } from '../transport.ts'

/** What has no meaning here (section 8.2.2), or another place. Of `te` a client's `trailers` is all that may be said. */
const LEFT_OUT = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'expect',
  // Added behind the others, as one.
  'cookie',
])
/** Parts of the handshake that HTTP/2 does without (RFC 8441, section 5). */
const OF_HANDSHAKE = new Set(['sec-websocket-key', 'content-length'])
const COOKIE = maskOf('cookie')
const SPACE = 0x20

/** `[name, value, ...]`, names in lower case; with `upgrade` those of an extended CONNECT. */
export function requestFields(target: Target, request: TransportRequest): string[] {
  const { headers, upgrade } = request
  const fields = [
    ':method',
    upgrade === undefined ? request.method : 'CONNECT',
    ':scheme',
    target.url.protocol === 'https:' ? 'https' : 'http',
    ':authority',
    headers.get('host') ?? target.url.host,
    ':path',
    request.path,
  ]
  if (upgrade !== undefined) fields.push(':protocol', upgrade)
  const raw = headers.raw()
  for (let i = 0; i < raw.length; i += 2) {
    const key = raw[i]!.toLowerCase()
    if (LEFT_OUT.has(key) || (upgrade !== undefined && OF_HANDSHAKE.has(key))) continue
    fields.push(key, trimmed(raw[i + 1]!))
  }
  // Several are one, with a separator of their own.
  if (headers.hasAny(COOKIE)) fields.push('cookie', headers.get('cookie')!)
  if (request.acceptsTrailers === true) fields.push('te', 'trailers')
  return fields
}

/** By name, each once: what came more than once is a list, or stays for the target to judge (RFC 9110, section 5.3). */
export function joinedFields(flat: readonly string[]): OutgoingHttpHeaders {
  const fields: Record<string, string> = Object.create(null)
  for (let i = 0; i < flat.length; i += 2) {
    const key = flat[i]!
    const before = fields[key]
    fields[key] = before === undefined ? flat[i + 1]! : `${before}, ${flat[i + 1]!}`
  }
  return fields
}

/** "A field value MUST NOT start or end with" white space (section 8.2.1), which HTTP/1.1 does not mind. */
function trimmed(value: string): string {
  const { length } = value
  if (length === 0 || (value.charCodeAt(0) > SPACE && value.charCodeAt(length - 1) > SPACE)) return value
  return value.trim()
}
