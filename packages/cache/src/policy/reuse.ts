/** Whether a stored response may answer a request as it is (RFC 9111, sections 4.2, 4.2.4 and 5.2.1; RFC 5861). */
import type { RequestDirectives } from '../directives/request-directives.ts'

/** What of an entry decides. Times in milliseconds since the epoch. */
export interface Reusable {
  readonly freshUntil: number
  /** When its age was 0. */
  readonly bornAt: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly noCache: boolean
  readonly mustRevalidate: boolean
}

/** As it is; as it is, with a revalidation behind it; or only once it is validated. */
export type Reuse = 'fresh' | 'stale' | 'stale-while-revalidate' | 'validate' | 'request'

/** `freshUntil` is the entry's own, or when it was purged softly. */
export function reuseOf(
  entry: Reusable,
  freshUntil: number,
  now: number,
  directives: RequestDirectives | undefined,
): Reuse {
  if (directives === undefined) {
    if (now < freshUntil && !entry.noCache) return 'fresh'
    return mayBeStale(entry) && now < freshUntil + entry.staleWhileRevalidateMs ? 'stale-while-revalidate' : 'validate'
  }
  if (directives.noCache) return 'request'
  const { maxAgeMs, minFreshMs, maxStaleMs } = directives
  if (maxAgeMs !== undefined && (maxAgeMs === 0 || now - entry.bornAt > maxAgeMs)) return 'request'
  if (minFreshMs !== undefined && freshUntil - now < minFreshMs) return 'request'
  if (entry.noCache) return 'validate'
  if (now < freshUntil) return 'fresh'
  if (!mayBeStale(entry)) return 'validate'
  if (maxStaleMs !== undefined && now - freshUntil <= maxStaleMs) return 'stale'
  return now < freshUntil + entry.staleWhileRevalidateMs ? 'stale-while-revalidate' : 'validate'
}

/** Whether it may stand in for an error: of its own accord, or because this client would take it. */
export function standsInForError(
  entry: Reusable,
  freshUntil: number,
  now: number,
  directives: RequestDirectives | undefined,
): boolean {
  if (!mayBeStale(entry)) return false
  const allowedMs = Math.max(entry.staleIfErrorMs, directives?.staleIfErrorMs ?? 0)
  return now <= freshUntil + allowedMs && allowedMs > 0
}

/** Section 4.2.4: not where a directive forbids it. */
function mayBeStale(entry: Reusable): boolean {
  return !entry.noCache && !entry.mustRevalidate
}
