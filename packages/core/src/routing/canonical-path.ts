/**
 * One reading of a path (RFC 3986, section 6.2.2), on which routes and guards decide, while the raw path is what gets
 * forwarded. Where an upstream could read the raw path in another way than the proxy does, the path is ambiguous: it is
 * refused unless the route says that its upstream reads it the same way. That keeps `/public/..%2fadmin` from passing a
 * guard on `/admin`.
 */

/**
 * What makes a path ambiguous.
 * - `encoded-slash`: `%2F`, which some servers take for a separator. Stays as it is in the canonical path.
 * - `dot-segment`: `.` or `..` as a segment, plain, encoded, or with parameters behind it (`..;x`). Resolved in the canonical path.
 * - `empty-segment`: `//`, which some servers merge. Merged in the canonical path.
 * - `backslash`: `\` or `%5C`, which some servers take for `/`. Taken for `/` in the canonical path.
 * - `double-encoding`: `%25` before two hexadecimal digits, plain or encoded, which becomes an escape for a server that
 *   decodes twice.
 * - `bad-escape`: `%` without two hexadecimal digits, or an overlong UTF-8 form (RFC 3629, section 3).
 */
export type PathAmbiguity =
  | 'encoded-slash'
  | 'dot-segment'
  | 'empty-segment'
  | 'backslash'
  | 'double-encoding'
  | 'bad-escape'

const FLAG = {
  'encoded-slash': 1,
  'dot-segment': 2,
  'empty-segment': 4,
  backslash: 8,
  'double-encoding': 16,
  'bad-escape': 32,
} as const
/** NUL or another control character, plain or encoded: refused whatever a route says. */
const NEVER = 64

/** All that a route may allow. */
export const PATH_AMBIGUITIES: readonly PathAmbiguity[] = Object.freeze(Object.keys(FLAG) as PathAmbiguity[])

/** A canonical path with what was ambiguous in the raw one, as bits. */
export interface CanonicalPath {
  readonly path: string
  readonly ambiguities: number
}

/** The bits of a list of ambiguities. */
export function ambiguityMask(allowed: readonly PathAmbiguity[]): number {
  return allowed.reduce((mask, each) => mask | FLAG[each], 0)
}

/** The names of those bits, for messages. */
export function ambiguityNames(mask: number): string[] {
  const names: string[] = PATH_AMBIGUITIES.filter((each) => (mask & FLAG[each]) !== 0)
  if ((mask & NEVER) !== 0) names.push('control-character')
  return names
}

// What has none of these is canonical as it stands: `%`, `\`, `//`, `/.`, controls. One native scan decides the usual case.
const SUSPICIOUS = /[%\\\x00-\x20\x7f]|\/[./]/

/** The canonical form of a raw path (without the query). */
export function canonicalPath(raw: string): CanonicalPath {
  if (!SUSPICIOUS.test(raw)) return { path: raw, ambiguities: 0 }
  const decoder = new PathDecoder(raw)
  const decoded = decoder.decode()
  const resolved = resolveSegments(decoded)
  return { path: resolved.path, ambiguities: decoder.ambiguities | resolved.ambiguities }
}

/** Decodes the escapes of unreserved characters, and writes the others with upper-case digits. Linear. */
class PathDecoder {
  ambiguities = 0
  readonly #raw: string

  constructor(raw: string) {
    this.#raw = raw
  }

  decode(): string {
    const raw = this.#raw
    let out = ''
    for (let i = 0; i < raw.length; i++) {
      const code = raw.charCodeAt(i)
      if (code === 0x25) {
        const byte = hexByte(raw, i + 1)
        out += byte < 0 ? this.#note('bad-escape', '%') : this.#escape(byte, i)
        if (byte >= 0) i += 2
      } else if (code === 0x5c) out += this.#note('backslash', '/')
      else if (isControl(code) || code === 0x20) this.ambiguities |= NEVER
      else out += raw[i]
    }
    // Looked for in what was decoded: `%25%34%31` is `%41` after one decoding and `A` after two, just as `%2541` is.
    if (DOUBLY_ENCODED.test(out)) this.#note('double-encoding', '')
    return out
  }

  #escape(byte: number, at: number): string {
    if (isUnreserved(byte)) return String.fromCharCode(byte)
    if (isControl(byte)) this.ambiguities |= NEVER
    else if (byte === 0x5c) return this.#note('backslash', '/')
    else if (byte === 0x2f) this.#note('encoded-slash', '')
    else if (isOverlong(byte, this.#raw, at)) this.#note('bad-escape', '')
    return `%${HEX[byte >> 4]}${HEX[byte & 15]}`
  }

  #note(ambiguity: PathAmbiguity, text: string): string {
    this.ambiguities |= FLAG[ambiguity]
    return text
  }
}

function resolveSegments(path: string): CanonicalPath {
  if (!/\/[./]/.test(path)) return { path, ambiguities: 0 }
  let ambiguities = 0
  const kept: string[] = []
  const segments = path.split('/')
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1
    // `..;x` is `..` to servers that take path parameters off first.
    const name = segment.startsWith('.') ? segment.replace(/;.*/s, '') : segment
    if (name === '.' || name === '..') {
      ambiguities |= FLAG['dot-segment']
      if (name === '..' && kept.length > 1) kept.pop()
      if (isLast) kept.push('')
    } else if (segment === '' && index > 0 && !isLast) ambiguities |= FLAG['empty-segment']
    else kept.push(segment)
  })
  return { path: kept.join('/'), ambiguities }
}

const DOUBLY_ENCODED = /%25[0-9A-Fa-f]{2}/
const HEX = '0123456789ABCDEF'

function hexByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f
}

function isUnreserved(code: number): boolean {
  const lower = code | 0x20
  if (lower >= 0x61 && lower <= 0x7a && code < 0x80) return true
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e || code === 0x5f || code === 0x7e
}

/**
 * Lead bytes that encode what a shorter form encodes: C0 and C1 always, the others by their second byte. F8 and FC lead
 * the forms of five and six bytes that the first UTF-8 had, and that lax decoders still take.
 */
function isOverlong(byte: number, raw: string, at: number): boolean {
  if (byte === 0xc0 || byte === 0xc1) return true
  const shortest = SHORTEST_SECOND[byte]
  if (shortest === undefined) return false
  const second = raw[at + 3] === '%' ? hexByte(raw, at + 4) : -1
  return second >= 0x80 && second < shortest
}

/** By lead byte: the least second byte of a form that is not overlong. */
const SHORTEST_SECOND: Readonly<Record<number, number>> = { 0xe0: 0xa0, 0xf0: 0x90, 0xf8: 0x88, 0xfc: 0x84 }
