/** A client's conditional request, answered from what is stored (RFC 9111, section 4.3.2; RFC 9110, section 13.2.2). */
import { type HeaderList, maskOf } from '@sluice/wire'
import { parseHttpDate } from '../directives/http-date.ts'
import { dateOf } from '../policy/freshness.ts'
import { listMatches } from './entity-tag.ts'

/** The bit of all conditions. */
export const CONDITIONS: number = maskOf('if-none-match')

/** Conditions on which only the origin can decide (RFC 9110, sections 13.1.1 and 13.1.4). */
export function asksOriginOnly(request: HeaderList): boolean {
  return request.hasAny(CONDITIONS) && (request.has('if-match') || request.has('if-unmodified-since'))
}

/** Whether the client has what is stored, so that 304 will do. */
export function isNotModified(request: HeaderList, stored: HeaderList, respondedAt: number, now: number): boolean {
  if (!request.hasAny(CONDITIONS)) return false
  const tags = request.get('if-none-match')
  // Where there are both, the tags decide alone.
  if (tags !== undefined) {
    const etag = stored.get('etag')
    return etag === undefined ? tags.trim() === '*' : listMatches(tags, etag)
  }
  const since = request.get('if-modified-since')
  const sinceTime = since === undefined ? undefined : parseHttpDate(since, now)
  if (sinceTime === undefined) return false
  const modified = stored.get('last-modified')
  const modifiedAt = modified === undefined ? undefined : parseHttpDate(modified, now)
  return (modifiedAt ?? dateOf(stored, respondedAt)) <= sinceTime
}

/** What a 304 says of the response that it stands for (RFC 9110, section 15.4.5). */
const IN_304 = new Set([
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'vary',
  'via',
  'cache-status',
  'age',
  'last-modified',
  'cdn-cache-control',
  'set-cookie',
])

/** The fields of a 304 for a stored response. */
export function notModifiedFields(headers: HeaderList): HeaderList {
  const kept = headers.copy()
  kept.deleteWhere((key) => !IN_304.has(key))
  return kept
}
