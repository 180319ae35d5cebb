/** The head of a request (RFC 9112, sections 3 and 5). */
import type { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'
import { METHOD, SPACE, TARGET } from './characters.ts'
import { parseFieldLines } from './field-lines.ts'
import { requestFraming } from './framing.ts'
import type { MessageLimits } from './limits.ts'
import { MessageError } from './message-error.ts'

const EXPECT = maskOf('expect')

/** A parsed head. */
export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  readonly headers: HeaderList
  /** Bytes of the body, or {@link CHUNKED}. */
  readonly framing: number
}

/**
 * Parses `text` up to `end`, which is past the CRLF of the last field line.
 * @throws {MessageError} all faults of a head
 */
export function parseRequestHead(text: string, end: number, limits: MessageLimits): RequestHead {
  let at = 0
  let code = text.charCodeAt(0)
  while (METHOD[code] === 1) code = text.charCodeAt(++at)
  if (code !== SPACE || at === 0) throw new MessageError('malformed', 'the method is not one, with one space behind it')
  const method = commonMethod(text, at) ?? text.slice(0, at)
  const targetStart = ++at
  code = text.charCodeAt(at)
  while (TARGET[code] === 1) code = text.charCodeAt(++at)
  if (code !== SPACE || at === targetStart)
    throw new MessageError('malformed', 'the target is empty or has a character that no target has')
  if (at - targetStart > limits.maxTargetBytes) throw new MessageError('target-too-long', 'the target is too long')
  const target = text.slice(targetStart, at)
  const httpVersion = versionAt(text, at + 1)
  if (text.charCodeAt(at + 9) !== 0x0d || text.charCodeAt(at + 10) !== 0x0a)
    throw new MessageError('malformed', 'the request line does not end after the version')
  const headers = parseFieldLines(text, at + 11, end, limits.maxFields)
  return { method, target, httpVersion, headers, framing: requestFraming(headers, httpVersion === '1.0') }
}

/** Whether the client waits for a 100 before it sends the body (RFC 9110, section 10.1.1). */
export function expectsContinue({ framing, httpVersion, headers }: RequestHead): boolean {
  if (framing === 0 || httpVersion === '1.0' || !headers.hasAny(EXPECT)) return false
  return headers.get('expect')!.toLowerCase() === '100-continue'
}

/** The version at this place: `HTTP/1.0` or `HTTP/1.1`. */
export function versionAt(text: string, at: number): '1.0' | '1.1' {
  if (text.startsWith('HTTP/1.1', at)) return '1.1'
  if (text.startsWith('HTTP/1.0', at)) return '1.0'
  if (/^HTTP\/[0-9]\.[0-9]$/.test(text.slice(at, at + 8)))
    throw new MessageError('version', 'the version is neither HTTP/1.0 nor HTTP/1.1')
  throw new MessageError('malformed', 'the version is not one')
}

/** The usual methods as constants, whose hash is known: sets of methods are asked several times for each request. */
function commonMethod(text: string, length: number): string | undefined {
  if (length === 3 && text.startsWith('GET')) return 'GET'
  if (length === 4 && text.startsWith('POST')) return 'POST'
  return undefined
}
