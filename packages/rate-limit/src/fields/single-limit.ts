/**
 * The families of fields that speak of one limit: that of draft 7, `RateLimit-Limit` and its kin of draft 6, and
 * `X-RateLimit-*`. Where the origin has said something already, the one who leaves less decides: theirs stay unless ours is
 * smaller, and what can't be compared stays.
 */
import type { HeaderList } from '@sluice/wire'
import { isNamedList } from './draft-11.ts'
import { type LimitState, wholeSeconds, wholeUnits } from './limit-state.ts'

/** Later than any number of seconds that somebody would wait, and earlier than any date: tells the two apart. */
const EPOCH_FROM = 1_000_000_000

/** `RateLimit: limit=100, remaining=50, reset=30` (draft-ietf-httpapi-ratelimit-headers-07). */
export function addDraft07(headers: HeaderList, state: LimitState): void {
  const theirs = headers.get('ratelimit')
  const policies = headers.get('ratelimit-policy')
  // Of a newer draft, in which the same fields are lists of names.
  if (policies !== undefined && isNamedList(policies)) return
  let reset = resetOf(state)
  if (theirs !== undefined) {
    if (!isTighter(state, /(?:^|[,\s])remaining=(\d+)/.exec(theirs)?.[1])) return
    reset = Math.max(reset, Number(/(?:^|[,\s])reset=(\d+)/.exec(theirs)?.[1] ?? 0))
  }
  addPolicy(headers, state)
  headers.set(
    'RateLimit',
    `limit=${wholeUnits(state.face.quota)}, remaining=${wholeUnits(state.remaining)}, reset=${reset}`,
  )
}

/** `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (draft-ietf-httpapi-ratelimit-headers-06). */
export function addDraft06(headers: HeaderList, state: LimitState): void {
  const isFirst = !headers.has('ratelimit-remaining') && !headers.has('ratelimit-limit')
  if (!isFirst && !isTighter(state, headers.get('ratelimit-remaining'))) return
  const theirs = isFirst ? undefined : headers.get('ratelimit-reset')
  addPolicy(headers, state)
  headers.set('RateLimit-Limit', String(wholeUnits(state.face.quota)))
  headers.set('RateLimit-Remaining', String(wholeUnits(state.remaining)))
  headers.set('RateLimit-Reset', String(Math.max(resetOf(state), secondsIn(theirs))))
}

/** `X-RateLimit-Limit`, `-Remaining` and `-Reset`: the last one as seconds since 1970, as most who send them do. */
export function addXRateLimit(headers: HeaderList, state: LimitState, wallTimeMs: number): void {
  const isFirst = !headers.has('x-ratelimit-remaining') && !headers.has('x-ratelimit-limit')
  if (!isFirst && !isTighter(state, headers.get('x-ratelimit-remaining'))) return
  const theirs = isFirst ? 0 : secondsIn(headers.get('x-ratelimit-reset'))
  const at = Math.ceil((wallTimeMs + (state.resetMs ?? 0)) / 1_000)
  headers.set('X-RateLimit-Limit', String(wholeUnits(state.face.quota)))
  headers.set('X-RateLimit-Remaining', String(wholeUnits(state.remaining)))
  headers.set('X-RateLimit-Reset', String(theirs >= EPOCH_FROM ? Math.max(at, theirs) : at))
}

/** Whether ours leaves less than theirs, of which `remaining` is what is left. */
function isTighter({ remaining }: LimitState, theirs: string | undefined): boolean {
  return theirs !== undefined && /^\s*\d+\s*$/.test(theirs) && wholeUnits(remaining) < Number(theirs)
}

function secondsIn(value: string | undefined): number {
  return value !== undefined && /^\s*\d+\s*$/.test(value) ? Number(value) : 0
}

function resetOf({ resetMs }: LimitState): number {
  return wholeSeconds(resetMs ?? 0)
}

/** A list that holds the policies of both. */
function addPolicy(headers: HeaderList, { face: { quota, windowMs } }: LimitState): void {
  const theirs = headers.get('ratelimit-policy')
  if (windowMs === undefined || (theirs !== undefined && isNamedList(theirs))) return
  headers.append('RateLimit-Policy', `${wholeUnits(quota)};w=${Math.max(1, wholeSeconds(windowMs))}`)
}
