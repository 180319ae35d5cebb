/** Makes the framing fields of an attempt agree with its body. */
import { type Body, type HeaderList, maskOf } from '@sluice/wire'

const CONTENT_LENGTH = maskOf('content-length')
const TRANSFER_ENCODING = maskOf('transfer-encoding')

/** Sets `Content-Length` where the length is known, removes it otherwise, and never leaves a `Transfer-Encoding`. */
export function frameRequest(headers: HeaderList, body: Body, method: string): void {
  const { length } = body
  if (headers.hasAny(TRANSFER_ENCODING)) headers.delete('transfer-encoding')
  if (length === undefined || (length === 0 && !expectsBody(method))) {
    if (headers.hasAny(CONTENT_LENGTH)) headers.delete('content-length')
  } else if (headers.get('content-length') !== String(length)) headers.set('Content-Length', String(length))
}

/** Methods for which an empty body is worth saying (RFC 9110, section 8.6). */
function expectsBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}
