/** Replies made of what is stored (RFC 9111, section 4): the whole, a 304, a part, or a head alone. */
import { type Exchange, Reply } from '@sluice/core'
import { Body, type BodySource, fieldName, type HeaderList, maskOf } from '@sluice/wire'
import type { Reading } from '../policy/reading.ts'
import { contentRange, parseRange } from '../validation/byte-range.ts'
import { CONDITIONS, isNotModified, notModifiedFields } from '../validation/client-condition.ts'
import { applicableRange } from '../validation/if-range.ts'
import { trailingBody } from './trailing-body.ts'

const AGE = fieldName('Age')
const CACHE_STATUS = fieldName('Cache-Status')
const RANGE = maskOf('range')
const ASKS_MORE = CONDITIONS | RANGE

/** Where the bytes come from: an entry of a store, or a body that is on its way. */
export interface ReplyContent {
  readonly bodyBytes: number | undefined
  readonly text?: string | undefined
  readonly bytes?: Uint8Array | undefined
  /** Where it can be read from any place. */
  open?(start: number, end: number): BodySource
  /** Of a body that is on its way: of that no part is served. */
  newBody?(): Body
}

/** The stored fields with `Age` and `Cache-Status`; the latter may be empty, for none. A frozen list: copy it. */
export function agedFields(reading: Reading, ageSeconds: number, cacheStatus: string): HeaderList {
  const headers = reading.headers.copy().appendUnchecked(AGE, String(ageSeconds))
  if (cacheStatus !== '') headers.appendUnchecked(CACHE_STATUS, cacheStatus)
  return headers.freeze()
}

/** In whole seconds. A clock that was set back makes nothing younger than new. */
export function ageSecondsOf(reading: Reading, now: number): number {
  return Math.max(0, Math.floor((now - reading.bornAt) / 1_000))
}

/** Answers a request with what is stored; `headers` come from {@link agedFields}. */
export function replyOf(
  exchange: Exchange,
  reading: Reading,
  content: ReplyContent,
  headers: HeaderList,
  now: number,
): Reply {
  const { request } = exchange
  const { status } = reading.head
  // To a POST a condition that fails is 412 (RFC 9110, section 13.1.2), if anything: it is not looked at.
  if (request.headers.hasAny(ASKS_MORE) && status < 300 && request.method !== 'POST') {
    const special = conditionalReply(exchange, reading, content, headers, now)
    if (special !== undefined) return special
  }
  if (request.method === 'HEAD') return new Reply(status, headers.copy())
  return new Reply(status, headers.copy(), bodyOf(reading, content))
}

function bodyOf({ trailers, head }: Reading, content: ReplyContent): Body {
  if (head.status === 204) return Body.empty
  if (trailers !== undefined) return trailingBody(wholeBody(content), trailers)
  return wholeBody(content)
}

function wholeBody(content: ReplyContent): Body {
  const { text } = content
  // With the head it leaves in one write.
  if (text !== undefined) return Body.ofLatin1(text)
  if (content.newBody !== undefined) return content.newBody()
  const { bytes, bodyBytes = 0 } = content
  if (bytes !== undefined) return Body.of(bytes)
  return bodyBytes === 0 ? Body.empty : Body.from(content.open!(0, bodyBytes), bodyBytes)
}

function conditionalReply(
  exchange: Exchange,
  reading: Reading,
  content: ReplyContent,
  headers: HeaderList,
  now: number,
): Reply | undefined {
  const request = exchange.request
  const { respondedAt, status } = reading.head
  if (isNotModified(request.headers, reading.headers, respondedAt, now))
    return new Reply(304, notModifiedFields(headers))
  const hasParts = content.bytes !== undefined || content.open !== undefined
  if (status !== 200 || request.method !== 'GET' || !hasParts || reading.part !== undefined) return undefined
  const field = applicableRange(request.headers, reading.headers, respondedAt)
  const total = content.bodyBytes ?? 0
  const range = field === undefined ? undefined : parseRange(field, total)
  if (range === undefined) return undefined
  const fields = headers.copy()
  if (range === 'unsatisfiable') {
    fields.deleteWhere((key) => ABOUT_THE_BODY.has(key))
    return new Reply(416, fields.set('Content-Range', `bytes */${total}`))
  }
  const { start, end } = range
  fields.set('Content-Length', String(end - start)).set('Content-Range', contentRange(range, total))
  return new Reply(206, fields, partOf(content, start, end))
}

const ABOUT_THE_BODY = new Set(['content-length', 'content-type', 'content-encoding', 'etag', 'last-modified'])

function partOf(content: ReplyContent, start: number, end: number): Body {
  const { bytes } = content
  if (bytes !== undefined) return Body.of(bytes.subarray(start, end))
  return Body.from(content.open!(start, end), end - start)
}
