/**
 * The grammar of `Cache-Control` (RFC 9111, section 5.2): a list of names, each with a token or a quoted string behind `=`, or
 * nothing. What does not fit is told as such and skipped to its comma; nothing throws.
 */
import { unquote } from './quoted-string.ts'

/** Takes one directive, its name in lower case. */
export interface DirectiveVisitor {
  /** `argument` is unquoted; `undefined` where there is none; `null` where what stands there is malformed. */
  directive(name: string, argument: string | null | undefined): void
}

const COMMA = 44
const EQUALS = 61
const QUOTE = 34
const BACKSLASH = 92

/** Calls the visitor for each element, in order. */
export function visitDirectives(value: string, visitor: DirectiveVisitor): void {
  const { length } = value
  let i = 0
  while (i < length) {
    const start = skipBlanks(value, i)
    i = skipToken(value, start)
    const name = value.slice(start, i).toLowerCase()
    let argument: string | null | undefined
    if (i < length && value.charCodeAt(i) === EQUALS && name !== '') {
      const from = ++i
      if (value.charCodeAt(i) === QUOTE) {
        const end = closingQuote(value, i)
        i = end < 0 ? length : end + 1
        argument = end < 0 ? null : unquote(value.slice(from + 1, end))
      } else {
        i = skipToken(value, i)
        argument = i > from ? value.slice(from, i) : null
      }
    }
    const end = skipBlanks(value, i)
    if (end < length && value.charCodeAt(end) !== COMMA) {
      argument = null
      i = nextComma(value, end)
    } else i = end
    if (name !== '') visitor.directive(name, argument)
    i++
  }
}

function skipBlanks(text: string, from: number): number {
  let i = from
  while (i < text.length && (text.charCodeAt(i) === 32 || text.charCodeAt(i) === 9)) i++
  return i
}

/** Up to a character that can't stand in a token, or what is often taken for one: single quotes and dots belong to it. */
function skipToken(text: string, from: number): number {
  let i = from
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 32 || code === COMMA || code === EQUALS || code === QUOTE || code === 59 || code >= 127) break
  }
  return i
}

/** Where the string that opens at `from` closes; below 0 where it does not. */
function closingQuote(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === BACKSLASH) i++
    else if (code === QUOTE) return i
  }
  return -1
}

/** The next comma that stands in no quoted string. */
function nextComma(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === COMMA) return i
    if (code === QUOTE) {
      const end = closingQuote(text, i)
      if (end < 0) return text.length
      i = end
    }
  }
  return text.length
}
