/** What a field of HTTP/2 is by its name: known once for each name, and not looked for again when its index comes. */
import { newName, seenName } from '../header-names.ts'
import { TOKEN } from '../http1/characters.ts'

export const REGULAR = 0
export const METHOD = 1
export const SCHEME = 2
export const AUTHORITY = 3
export const PATH = 4
export const PROTOCOL = 5
export const COOKIE = 6
export const HOST = 7
export const TE = 8
/** One that no request may have: of a connection (RFC 9113, section 8.2.2), of a reply, unknown with a colon, or no name at all. */
export const FORBIDDEN = 9

/** A name; those of fields in their tables are shared. */
export interface FieldName {
  readonly text: string
  /** Its bit in a header list. */
  readonly bit: number
  readonly kind: number
}

const KINDS: ReadonlyMap<string, number> = new Map([
  [':method', METHOD],
  [':scheme', SCHEME],
  [':authority', AUTHORITY],
  [':path', PATH],
  [':protocol', PROTOCOL],
  ['cookie', COOKIE],
  ['host', HOST],
  ['te', TE],
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map(
    (each) => [each, FORBIDDEN] as const,
  ),
])

const known = new Map<string, FieldName>()
const MAX_KNOWN = 512

/** The entry of a name as it came. */
export function fieldNameOf(text: string): FieldName {
  const found = known.get(text)
  if (found !== undefined) return found
  const seen = seenName(text)
  const { key, bit } = seen ?? newName(text)
  const name: FieldName = { text: key, bit, kind: KINDS.get(text) ?? (isName(text) ? REGULAR : FORBIDDEN) }
  // What clients make up is not remembered.
  if (seen !== undefined && known.size < MAX_KNOWN) known.set(text, name)
  return name
}

/** A token without upper-case letters (RFC 9113, section 8.2.1). */
function isName(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (TOKEN[code] !== 1 || (code >= 0x41 && code <= 0x5a)) return false
  }
  return text.length > 0
}
