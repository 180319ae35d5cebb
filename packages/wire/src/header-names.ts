/**
 * Header names, interned. A name is lower-cased once; the common ones come from a table, so that comparing them is
 * comparing pointers. What a proxy asks of every message has a bit, so that a list knows at once what it does not hold;
 * names that are asked for together share one, and all that the table does not know share the last.
 */

/** A line a bit, at most 30: with the one for unknown names a mask stays a small integer. */
const FLAGGED = `
  host
  connection
  content-length
  transfer-encoding
  te
  trailer
  upgrade
  keep-alive proxy-connection
  proxy-authenticate proxy-authorization
  expect
  via
  forwarded
  x-forwarded-for
  x-forwarded-proto
  x-forwarded-host
  x-forwarded-port x-forwarded-prefix x-real-ip client-cert client-cert-chain
  max-forwards
  authorization
  cookie
  set-cookie
  cache-control pragma
  content-type
  content-encoding
  accept-encoding
  etag
  if-none-match if-modified-since if-match if-unmodified-since if-range
  range
  vary
  date
  proxy-status`

const COMMON = `
  accept accept-language accept-ranges access-control-allow-origin age alt-svc cache-status cdn-cache-control content-disposition
  content-language content-location content-range content-security-policy dnt expires
  last-modified link location origin priority proxy-authentication-info ratelimit ratelimit-policy referer
  retry-after
  sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user
  sec-websocket-accept sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version server
  server-timing strict-transport-security traceparent tracestate upgrade-insecure-requests user-agent www-authenticate
  x-content-type-options x-frame-options x-powered-by x-request-id x-requested-with`

/** A name that the table knows, in one of its usual spellings: all lower case, or Each-Word-Capitalised. */
export interface KnownName {
  readonly spelling: string
  /** In lower case. */
  readonly key: string
  readonly bit: number
}

class Entry implements KnownName {
  readonly spelling: string
  readonly key: string
  readonly bit: number
  /** Another one of the table whose hash ends in the same bits. */
  readonly next: Entry | undefined

  constructor(spelling: string, key: string, bit: number, next?: Entry) {
    this.spelling = spelling
    this.key = key
    this.bit = bit
    this.next = next
  }
}

/** The bit of every name that the table does not know. */
export const UNKNOWN_NAMES: number = 1 << 30

/** Names whose usual spelling is neither. */
const SPELLINGS: Readonly<Record<string, string>> = {
  etag: 'ETag',
  te: 'TE',
  'www-authenticate': 'WWW-Authenticate',
  dnt: 'DNT',
  ratelimit: 'RateLimit',
  'ratelimit-policy': 'RateLimit-Policy',
}

const known = new Map<string, KnownName>()
const BUCKETS = 1024
const buckets: (Entry | undefined)[] = Array.from({ length: BUCKETS })
let shared = UNKNOWN_NAMES
words(FLAGGED, '\n').forEach((line, index) => {
  const group = words(line, ' ')
  if (group.length > 1) shared |= 1 << index
  for (const key of group) register(key, 1 << index)
})
words(COMMON, /\s/).forEach((key) => register(key, 0))

/** The table's entry for a name in one of its usual spellings. */
export function knownName(name: string): KnownName | undefined {
  return known.get(name)
}

const MAX_REMEMBERED = 512
const remembered = new Map<string, KnownName>()

/** The entry of a name in the spelling given, from the table or remembered; `undefined` where it was not seen before. */
export function seenName(spelling: string): KnownName | undefined {
  return known.get(spelling) ?? remembered.get(spelling)
}

/** An entry for a name that the table does not have in this spelling. */
export function newName(spelling: string): Entry {
  const key = spelling.toLowerCase()
  const usual = known.get(key)
  return new Entry(spelling, usual?.key ?? key, usual?.bit ?? UNKNOWN_NAMES)
}

/**
 * The same, remembered. For names that code writes, of which a program has few and uses them again and again; not for those
 * that clients send. The name must have been checked.
 */
export function rememberName(spelling: string): KnownName {
  const entry = newName(spelling)
  if (remembered.size < MAX_REMEMBERED) remembered.set(spelling, entry)
  return entry
}

/** The entry of a common name, for those who write the same field again and again. Unknown to the table is a mistake. */
export function fieldName(spelling: string): KnownName {
  const entry = known.get(spelling)
  if (entry === undefined) throw new RangeError(`the header name "${spelling}" is not in the table`)
  return entry
}

/** Whether the bit stands for several names. */
export function isShared(bit: number): boolean {
  return (bit & shared) !== 0
}

/** The bits of all the names given. Each must have one: a name without is a mistake of the caller. */
export function maskOf(...names: readonly string[]): number {
  let mask = 0
  for (const name of names) {
    const bit = known.get(name)?.bit ?? 0
    if (bit === 0) throw new RangeError(`the header name "${name}" has no bit`)
    mask |= bit
  }
  return mask
}

/**
 * The same for a name that stands in a text, by the hash that {@link hashStep} has made of its characters: a parser that
 * reads each character anyway makes no substring of a common name, and nobody hashes it once more.
 */
export function knownNameAt(text: string, from: number, length: number, hash: number): KnownName | undefined {
  for (let entry = buckets[hash & (BUCKETS - 1)]; entry !== undefined; entry = entry.next) {
    if (entry.spelling.length === length && text.startsWith(entry.spelling, from)) return entry
  }
  return undefined
}

const RECENT = 256
const MAX_RECENT_CHARS = 64
/** What was last seen for each end of a hash: as many as there are places, whatever clients send. */
const recent: (Entry | undefined)[] = Array.from({ length: RECENT })

/** The entry of a name that the table does not have, by its hash: the same for all that have it while no other takes its place. */
export function recentNameAt(text: string, from: number, length: number, hash: number): KnownName {
  const place = hash & (RECENT - 1)
  const last = recent[place]
  if (last !== undefined && last.spelling.length === length && text.startsWith(last.spelling, from)) return last
  if (length > MAX_RECENT_CHARS) return newName(text.slice(from, from + length))
  // A copy: a slice would keep the whole head that it is a part of.
  return (recent[place] = newName(Buffer.from(text.slice(from, from + length), 'latin1').toString('latin1')))
}

/** One character more; the hash of nothing is 0. */
export function hashStep(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0
}

function register(key: string, bit: number): void {
  const capitalised = key.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
  for (const spelling of [key, SPELLINGS[key] ?? capitalised]) {
    let hash = 0
    for (let i = 0; i < spelling.length; i++) hash = hashStep(hash, spelling.charCodeAt(i))
    const bucket = hash & (BUCKETS - 1)
    const entry = new Entry(spelling, key, bit, buckets[bucket])
    buckets[bucket] = entry
    known.set(spelling, entry)
  }
}

function words(text: string, separator: string | RegExp): string[] {
  return text
    .split(separator)
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
