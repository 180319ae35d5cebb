/** `Vary` and the secondary keys made of it (RFC 9111, section 4.1). */
import { type HeaderList, isToken, maskOf } from '@sluice/wire'
import { fieldNames, listMembers } from '../directives/quoted-string.ts'
import { keyPart } from './cache-key.ts'

const VARY = maskOf('vary')
/** More fields than this vary by nothing useful, and make keys that nobody will find again. */
const MAX_FIELDS = 8
const MAX_CHARS = 256
/** Lists whose order and case mean nothing. */
const SETS = new Set(['accept', 'accept-charset', 'accept-encoding', 'accept-language'])
/** What is no list, and may differ by a blank alone. */
const EXACT = new Set(['authorization', 'cookie', 'user-agent', 'referer', 'origin'])

/** The fields that a response varies by, sorted; none; or `undefined` where it can't be matched, as with `*`. */
export function varyFields(headers: HeaderList): readonly string[] | undefined {
  if (!headers.hasAny(VARY)) return NO_FIELDS
  const value = headers.get('vary')!
  if (value.length > MAX_CHARS) return undefined
  const fields = [...new Set(fieldNames(value))].toSorted()
  return fields.length <= MAX_FIELDS && fields.every((name) => name !== '*' && isToken(name)) ? fields : undefined
}

const NO_FIELDS: readonly string[] = Object.freeze([])

/** Makes secondary keys, and remembers the usual values in their normal form. */
export class VariantKeys {
  readonly #normal = new Map<string, string>()

  /** What is added to a primary key for a request with these fields. */
  suffix(fields: readonly string[], request: HeaderList): string {
    let suffix = ''
    for (const name of fields) suffix += `\n${this.#part(name, request.get(name))}`
    return suffix
  }

  #part(name: string, value: string | undefined): string {
    if (value === undefined) return keyPart(name, undefined)
    const spelled = `${name}=${value}`
    const known = this.#normal.get(spelled)
    if (known !== undefined) return known
    const part = keyPart(name, normalValue(name, value))
    if (spelled.length > MAX_REMEMBERED_CHARS) return part
    if (this.#normal.size >= MAX_REMEMBERED) this.#normal.clear()
    this.#normal.set(spelled, part)
    return part
  }
}

const MAX_REMEMBERED = 512
const MAX_REMEMBERED_CHARS = 256

/** A value with what can't make a difference taken out of it. */
export function normalValue(name: string, value: string): string {
  if (EXACT.has(name)) return value
  const members = listMembers(value)
  if (!SETS.has(name)) return members.join(',')
  return members
    .map((each) => each.toLowerCase().replace(/[ \t]*([;=])[ \t]*/g, '$1'))
    .toSorted()
    .join(',')
}
