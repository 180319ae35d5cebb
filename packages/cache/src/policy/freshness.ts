/** How long a response is fresh, and how old it was when it came (RFC 9111, sections 4.2.1 to 4.2.3). */
import type { HeaderList } from '@sluice/wire'
import { parseAge } from '../directives/delta-seconds.ts'
import { parseHttpDate } from '../directives/http-date.ts'
import type { EffectiveDirectives } from '../directives/targeted-fields.ts'
import { isHeuristicallyCacheable } from './understood-status.ts'

/** When a request was sent and its response's head had come, in milliseconds since the epoch. */
export interface Timing {
  readonly requestedAt: number
  readonly respondedAt: number
}

/** A lifetime that the response states, in milliseconds; `undefined` where it states none. */
export function explicitLifetimeMs(
  headers: HeaderList,
  { directives, isTargeted }: EffectiveDirectives,
  respondedAt: number,
): number | undefined {
  const seconds = directives.sMaxAge ?? directives.maxAge
  if (seconds !== undefined) return seconds * 1_000
  if (isTargeted) return undefined
  // Of several the first counts; what is no date is past (section 5.3).
  const expires = headers.getAll('expires')[0]
  if (expires === undefined) return undefined
  const expiresAt = parseHttpDate(expires, respondedAt)
  if (expiresAt === undefined) return 0
  return Math.max(0, expiresAt - dateOf(headers, respondedAt))
}

/** When it was made: its `Date`, or when it came where it has none that can be read. */
export function dateOf(headers: HeaderList, respondedAt: number): number {
  const date = headers.get('date')
  if (date === undefined) return respondedAt
  // Replies of one second have one date.
  if (date !== lastDate) {
    lastTime = parseHttpDate(date, respondedAt)
    lastDate = date
  }
  return lastTime ?? respondedAt
}

let lastDate = ''
let lastTime: number | undefined

/** A guess for a response that states no lifetime (section 4.2.2): a fraction of the time since it was last modified. */
export function heuristicLifetimeMs(
  status: number,
  headers: HeaderList,
  isPublic: boolean,
  respondedAt: number,
  { fraction, maxMs }: { readonly fraction: number; readonly maxMs: number },
): number {
  if (fraction === 0 || !(isPublic || isHeuristicallyCacheable(status))) return 0
  const lastModified = headers.get('last-modified')
  const modifiedAt = lastModified === undefined ? undefined : parseHttpDate(lastModified, respondedAt)
  if (modifiedAt === undefined) return 0
  return Math.min(maxMs, Math.max(0, fraction * (dateOf(headers, respondedAt) - modifiedAt)))
}

/** `corrected_initial_age` in milliseconds. `Date` tells whole seconds, so the fraction of ours says nothing of its age. */
export function initialAgeMs(headers: HeaderList, { requestedAt, respondedAt }: Timing): number {
  const apparentAge = Math.max(0, Math.floor(respondedAt / 1_000) * 1_000 - dateOf(headers, respondedAt))
  const correctedAge = parseAge(headers.getAll('age')) + Math.max(0, respondedAt - requestedAt)
  return Math.max(apparentAge, correctedAge)
}
