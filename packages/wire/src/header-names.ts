/**
 * Header names, interned. A name is lower-cased once; the common ones come from a table, so that comparing them is
 * comparing pointers, and 31 of them own a bit each, so that a list knows at once which of these it does not hold.
 */

/** Those with a bit: what a proxy asks of every message. At most 31, so that a mask stays a small integer. */
const FLAGGED = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'expect',
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'max-forwards',
  'authorization',
  'cookie',
  'set-cookie',
  'cache-control',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'etag',
  'if-none-match',
  'range',
  'vary',
  'date',
  'proxy-status',
] as const // oxfmt keeps this a table

const COMMON = [
  'accept',
  'accept-language',
  'accept-ranges',
  'access-control-allow-origin',
  'age',
  'cdn-cache-control',
  'content-disposition',
  'content-language',
  'content-location',
  'content-range',
  'dnt',
  'expires',
  'if-match',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'link',
  'location',
  'origin',
  'pragma',
  'priority',
  'proxy-authentication-info',
  'referer',
  'retry-after',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'server',
  'strict-transport-security',
  'traceparent',
  'tracestate',
  'upgrade-insecure-requests',
  'user-agent',
  'www-authenticate',
  'x-content-type-options',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-frame-options',
  'x-powered-by',
  'x-real-ip',
  'x-request-id',
  'x-requested-with',
] as const

/** A name that the table knows. */
export interface KnownName {
  readonly key: string
  readonly bit: number
}

// Keyed by the spellings that occur in practice: all lower case, and Each-Word-Capitalised.
const KNOWN = new Map<string, KnownName>()
FLAGGED.forEach((key, index) => register({ key, bit: 1 << index }))
COMMON.forEach((key) => register({ key, bit: 0 }))
for (const [spelling, key] of [
  ['ETag', 'etag'],
  ['TE', 'te'],
  ['WWW-Authenticate', 'www-authenticate'],
  ['DNT', 'dnt'],
] as const) {
  KNOWN.set(spelling, KNOWN.get(key)!)
}

/** The table's entry for a name in one of its usual spellings. */
export function knownName(name: string): KnownName | undefined {
  return KNOWN.get(name)
}

/** The bits of all the names given. Each must have one: a name without is a mistake of the caller. */
export function maskOf(...names: readonly string[]): number {
  let mask = 0
  for (const name of names) {
    const bit = KNOWN.get(name)?.bit ?? 0
    if (bit === 0) throw new RangeError(`the header name "${name}" has no bit`)
    mask |= bit
  }
  return mask
}

function register(known: KnownName): void {
  KNOWN.set(known.key, known)
  KNOWN.set(
    known.key.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
    known,
  )
}
