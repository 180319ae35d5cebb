/** The head of a reply, from the flat list of the engine, which has refused what is malformed (RFC 9113, section 8.3.2). */
import { HeaderList } from '@sluice/wire'

export interface Http2ReplyHead {
  readonly status: number
  readonly headers: HeaderList
  /** By `Content-Length`; missing where that says nothing. */
  readonly length: number | undefined
  /** Without the status. */
  readonly bytes: number
  readonly isTooLarge: boolean
}

const COLON = 0x3a
/** Colon, space and line end, as HTTP/1.1 would have them. */
const FIELD_OVERHEAD = 4

/** Reads `[name, value, name, value, ...]`, the status first. */
export function readReplyHead(raw: readonly string[], maxBytes: number): Http2ReplyHead {
  const flat: string[] = []
  let status = 0
  let bytes = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    if (name.charCodeAt(0) === COLON) {
      if (name === ':status') status = Number(value)
      continue
    }
    bytes += name.length + value.length + FIELD_OVERHEAD
    flat.push(name, value)
  }
  const headers = HeaderList.received(flat)
  return { status, headers, length: lengthOf(headers), bytes, isTooLarge: bytes > maxBytes }
}

function lengthOf(headers: HeaderList): number | undefined {
  const length = headers.get('content-length')
  return length !== undefined && /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined
}
