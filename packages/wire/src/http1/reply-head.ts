/** The head of a reply (RFC 9112, section 4). */
import type { HeaderList } from '../header-list.ts'
import { CR, FIELD_VALUE, LF, SPACE } from './characters.ts'
import { parseFieldLines } from './field-lines.ts'
import type { MessageLimits } from './limits.ts'
import { MessageError } from './message-error.ts'
import { versionAt } from './request-head.ts'

/** A parsed head. The reason phrase has no meaning and is dropped. */
export interface ReplyHead {
  readonly status: number
  readonly httpVersion: '1.0' | '1.1'
  readonly headers: HeaderList
}

/**
 * Parses `text` up to `end`, which is past the CRLF of the last field line.
 * @throws {MessageError} all faults of a head
 */
export function parseReplyHead(text: string, end: number, limits: MessageLimits): ReplyHead {
  const httpVersion = versionAt(text, 0)
  const status = digit(text, 9) * 100 + digit(text, 10) * 10 + digit(text, 11)
  if (text.charCodeAt(8) !== SPACE || !(status >= 100 && status <= 599))
    throw new MessageError('malformed', 'the status is not a number from 100 to 599')
  let at = 12
  let code = text.charCodeAt(at)
  // Many servers leave out the space before an empty reason.
  if (code !== SPACE && code !== CR) throw new MessageError('malformed', 'the status does not end after three digits')
  while (FIELD_VALUE[code] === 1) code = text.charCodeAt(++at)
  if (code !== CR || text.charCodeAt(at + 1) !== LF)
    throw new MessageError('malformed', 'the reason has a character that no reason has')
  return { status, httpVersion, headers: parseFieldLines(text, at + 2, end, limits.maxFields) }
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 0x30
  return value >= 0 && value <= 9 ? value : Number.NaN
}
