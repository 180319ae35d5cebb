/** Which characters may stand in a field name and value (RFC 9110, sections 5.1 and 5.5). */
import { WireError } from './errors.ts'
import { type KnownName, newName, rememberName, seenName } from './header-names.ts'
import { FIELD_VALUE } from './http1/characters.ts'

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/
// Beyond the RFC's CR, LF and NUL every other control character is refused too, and all above U+00FF: written as latin1,
// U+010A would become a line feed.
const NOT_VALUE = /[^\t\x20-\x7e\x80-\xff]/
const SHORT = 48

/** Whether `text` is a token (RFC 9110, section 5.6.2): not empty, and no separators. */
export function isToken(text: string): boolean {
  return text.length > 0 && !NOT_TOKEN.test(text)
}

/** Whether `text` may be sent as a field value as it stands. */
export function isFieldValue(text: string): boolean {
  // For what is short a loop costs less than the call of a regular expression.
  if (text.length > SHORT) return !NOT_VALUE.test(text)
  for (let i = 0; i < text.length; i++) if (FIELD_VALUE[text.charCodeAt(i)] !== 1) return false
  return true
}

/** The entry of a name that is looked for, whatever it is. */
export function anyName(name: string): KnownName {
  return seenName(name) ?? (isToken(name) ? rememberName(name) : newName(name))
}

/**
 * The entry of a name that is about to be written.
 * @throws {WireError} `ERR_SLUICE_HEADER_INVALID` where it is no token
 */
export function checkedName(name: string): KnownName {
  const seen = seenName(name)
  if (seen !== undefined) return seen
  if (typeof name !== 'string' || !isToken(name))
    throw new WireError('ERR_SLUICE_HEADER_INVALID', `not a field name: ${JSON.stringify(name)}`)
  return rememberName(name)
}

/** @throws {WireError} `ERR_SLUICE_HEADER_INVALID` */
export function assertValue(name: string, value: string): void {
  if (typeof value === 'string' && isFieldValue(value)) return
  throw new WireError(
    'ERR_SLUICE_HEADER_INVALID',
    `the value of "${name}" has a character that no field value may have`,
  )
}
