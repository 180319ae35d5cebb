/**
 * How the body of a message is delimited (RFC 9112, section 6). Wherever two parties could come to different answers,
 * the message is refused: that is what request smuggling lives on.
 */
import type { HeaderList } from '../header-list.ts'
import { fieldName, maskOf } from '../header-names.ts'
import { MessageError } from './message-error.ts'

/** In place of a length: chunked, or up to the end of the connection (replies only). */
export const CHUNKED = -1
export const UNTIL_CLOSE = -2

const TRANSFER_ENCODING = maskOf('transfer-encoding')
const CONTENT_LENGTH = fieldName('content-length')
const FRAMING = maskOf('content-length', 'transfer-encoding')

/**
 * The length of a request's body, or {@link CHUNKED}.
 * @throws {MessageError} `malformed`
 */
export function requestFraming(headers: HeaderList, isHttp10: boolean): number {
  if (!headers.hasAny(FRAMING)) return 0
  const coding = headers.get('transfer-encoding')
  if (coding === undefined) return contentLength(headers) ?? 0
  if (isHttp10 || headers.has('content-length'))
    throw new MessageError('malformed', 'the body can be framed in more than one way')
  return chunkedOnly(coding)
}

/**
 * The length of a reply's body, {@link CHUNKED} or {@link UNTIL_CLOSE}.
 * @throws {MessageError} `malformed`
 */
export function replyFraming(status: number, method: string, headers: HeaderList, isHttp10: boolean): number {
  const coding = headers.hasAny(TRANSFER_ENCODING) ? headers.get('transfer-encoding') : undefined
  const length = contentLength(headers)
  if (coding !== undefined && (isHttp10 || length !== undefined))
    throw new MessageError('malformed', 'the body can be framed in more than one way')
  // Checked even where there is no body: whoever reads the same head without knowing the method must not be misled.
  const framing = coding === undefined ? (length ?? UNTIL_CLOSE) : chunkedOnly(coding)
  return method === 'HEAD' || status === 204 || status === 304 || status < 200 ? 0 : framing
}

function chunkedOnly(coding: string): number {
  if (coding === 'chunked' || coding.toLowerCase() === 'chunked') return CHUNKED
  throw new MessageError('malformed', 'the transfer coding is not "chunked" alone')
}

function contentLength(headers: HeaderList): number | undefined {
  // Several fields are joined with commas here, so that a list, even of equal numbers, is no number.
  const text = headers.getKnown(CONTENT_LENGTH)
  if (text === undefined) return undefined
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    // Fifteen digits stay below 2^53.
    if (!(digit >= 0 && digit <= 9) || i === 15) throw new MessageError('malformed', 'Content-Length is not one number')
    length = length * 10 + digit
  }
  if (text === '') throw new MessageError('malformed', 'Content-Length is empty')
  return length
}
