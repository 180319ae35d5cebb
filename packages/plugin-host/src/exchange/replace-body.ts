/** Another body in the place of a message's own. */
import type { Body, HeaderList } from '@sluice/wire'
import { bodyOf } from './gather-body.ts'

/** What says what the bytes are (RFC 9530; RFC 1864). */
const DIGESTS = ['content-digest', 'repr-digest', 'digest', 'content-md5']

/** A request or a reply. */
export interface Message {
  body: Body
  readonly headers: HeaderList
}

/** Lengths are set by whoever sends it; what speaks of the old bytes is withdrawn here. */
export function replaceBody(message: Message, bytes: Uint8Array, trailers: HeaderList | undefined): void {
  message.body.cancel()
  message.body = bodyOf(bytes, trailers)
  dropDigests(message.headers)
}

/** Takes out the digests, and what an entity tag promises about single bytes (RFC 9110, section 8.8.3). */
export function dropDigests(headers: HeaderList): void {
  for (const name of DIGESTS) headers.delete(name)
  const etag = headers.get('etag')
  if (etag?.startsWith('"') === true) headers.set('ETag', `W/${etag}`)
}
