/** Makes the framing fields of a reply agree with its body (RFC 9110, section 8.6; RFC 9112, section 6). */
import { Body, fieldName, maskOf } from '@sluice/wire'
import type { Reply } from './reply.ts'

const CONTENT_LENGTH = maskOf('content-length')
const CONTENT_LENGTH_NAME = fieldName('Content-Length')
const TRANSFER_ENCODING = maskOf('transfer-encoding')

/**
 * Sets `Content-Length` where the body's length is known and removes it where not. A reply that carries no body (to HEAD,
 * or 204 and 304) keeps the length it states of the body that it stands for; a body it has all the same is dropped.
 */
export function frameReply(reply: Reply, method: string): void {
  const { headers, status } = reply
  if (headers.hasAny(TRANSFER_ENCODING)) headers.delete('transfer-encoding')
  if (status === 204 || status === 101) headers.delete('content-length')
  if (method === 'HEAD' || status === 204 || status === 304) return dropBody(reply, method)
  // It asks the client to reset its form and has no content (RFC 9110, section 15.3.6).
  if (status === 205) dropBody(reply, method)
  const { length } = reply.body
  if (length === undefined) {
    if (headers.hasAny(CONTENT_LENGTH)) headers.delete('content-length')
  } else if (status !== 101 && headers.getKnown(CONTENT_LENGTH_NAME) !== String(length))
    headers.set('Content-Length', String(length))
}

function dropBody(reply: Reply, method: string): void {
  if (reply.body.isEmpty) return
  if (method === 'HEAD' && reply.body.length !== undefined)
    reply.headers.set('Content-Length', String(reply.body.length))
  reply.body.cancel()
  reply.body = Body.empty
}
