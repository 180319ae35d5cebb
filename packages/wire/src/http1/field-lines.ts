/** Field lines, as they stand in a head and in a trailer section (RFC 9112, section 5). */
import { HeaderList } from '../header-list.ts'
import { hashStep, knownNameAt, recentNameAt } from '../header-names.ts'
import { COLON, CR, FIELD_VALUE, LF, SPACE, TAB, TOKEN } from './characters.ts'
import { MessageError } from './message-error.ts'

/**
 * Reads the lines in `text` from `from` to `end`, where the last of them has ended. Strict: no space before the colon, no
 * folded lines (section 5.2), nothing but CRLF between lines.
 * @throws {MessageError} `malformed`, `too-many-fields`
 */
export function parseFieldLines(text: string, from: number, end: number, maxFields: number): HeaderList {
  const flat: string[] = []
  const keys: string[] = []
  let count = 0
  let mask = 0
  let isUsual = true
  let at = from
  while (at < end) {
    const nameStart = at
    let code = text.charCodeAt(at)
    let hash = 0
    // Past the end charCodeAt gives NaN, for which a table has no 1: the loops end on anything that is not allowed.
    while (TOKEN[code] === 1) {
      hash = hashStep(hash, code)
      code = text.charCodeAt(++at)
    }
    if (code !== COLON || at === nameStart)
      throw new MessageError('malformed', 'a field name is empty or has a character that no token has')
    const nameEnd = at
    code = text.charCodeAt(++at)
    while (code === SPACE || code === TAB) code = text.charCodeAt(++at)
    const valueStart = at
    while (FIELD_VALUE[code] === 1) code = text.charCodeAt(++at)
    if (code !== CR || text.charCodeAt(at + 1) !== LF)
      throw new MessageError('malformed', 'a field value has a character that none may have')
    let valueEnd = at
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
    // One space, as it is written here, and no other blank: such lines may leave as they came.
    isUsual &&= valueStart === nameEnd + 2 && text.charCodeAt(nameEnd + 1) === SPACE && valueEnd === at
    const known =
      knownNameAt(text, nameStart, nameEnd - nameStart, hash) ??
      recentNameAt(text, nameStart, nameEnd - nameStart, hash)
    // Not pushed: a push of two is a call.
    flat[2 * count] = known.spelling
    flat[2 * count + 1] = text.slice(valueStart, valueEnd)
    keys[count++] = known.key
    mask |= known.bit
    at += 2
  }
  if (count > maxFields) throw new MessageError('too-many-fields', `there are more than ${maxFields} fields`)
  return HeaderList.parsed(flat, keys, mask, isUsual ? text.slice(from, end) : '')
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}
