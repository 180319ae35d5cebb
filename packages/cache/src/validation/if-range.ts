/** `If-Range` (RFC 9110, section 13.1.5): a range only of what the client has the rest of. */
import { type HeaderList, maskOf } from '@sluice/wire'
import { parseHttpDate } from '../directives/http-date.ts'
import { dateOf } from '../policy/freshness.ts'
import { matchesStrongly } from './entity-tag.ts'

const RANGE = maskOf('range')
/** A date is a strong validator where the response is younger than its modification by this (section 8.8.2.2). */
const STRONG_DATE_MS = 1_000

/** The `Range` to serve; `undefined` where there is none, or its condition does not hold. */
export function applicableRange(request: HeaderList, stored: HeaderList, respondedAt: number): string | undefined {
  if (!request.hasAny(RANGE)) return undefined
  const condition = request.get('if-range')
  const holds = condition === undefined || holdsFor(condition.trim(), stored, respondedAt)
  return holds ? request.get('range') : undefined
}

function holdsFor(condition: string, stored: HeaderList, respondedAt: number): boolean {
  if (condition.startsWith('"') || condition.startsWith('W/')) {
    const etag = stored.get('etag')
    return etag !== undefined && matchesStrongly(condition, etag)
  }
  const modified = stored.get('last-modified')
  if (modified === undefined || modified !== condition) return false
  const modifiedAt = parseHttpDate(modified, respondedAt)
  return modifiedAt !== undefined && dateOf(stored, respondedAt) - modifiedAt >= STRONG_DATE_MS
}
