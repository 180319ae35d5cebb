/**
 * `RateLimit` and `RateLimit-Policy` as lists of named limits (draft-ietf-httpapi-ratelimit-headers-11). A list can hold the
 * origin's limits beside the gateway's own, so nothing that an origin says is ever touched.
 */
import { fieldName, type HeaderList } from '@sluice/wire'
import { type LimitFace, type LimitState, quoted, wholeSeconds, wholeUnits } from './limit-state.ts'

const POLICY = fieldName('RateLimit-Policy')
const LIMIT = fieldName('RateLimit')
/** Whole seconds are all that `w` can say: a window that is not gets written as a multiple of it that is. */
const MAX_MULTIPLE = 1_000
/** The largest integer of a structured field (RFC 9651, section 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999

/** `"name";q=100;w=60` */
export function policyItem(face: LimitFace, name: string = face.quoted): string {
  const { quota, windowMs } = face
  if (windowMs === undefined) return `${name};q=${integer(quota)};qu="concurrent-requests"`
  for (let times = 1; times <= MAX_MULTIPLE; times++)
    if ((windowMs * times) % 1_000 === 0)
      return `${name};q=${integer(quota * times)};w=${integer((windowMs * times) / 1_000)}`
  return `${name};q=${integer(quota)}`
}

/** `"name";r=50;t=30` */
export function limitItem({ face, remaining, resetMs }: LimitState, name: string = face.quoted): string {
  const item = `${name};r=${integer(remaining)}`
  return resetMs === undefined ? item : `${item};t=${wholeSeconds(resetMs)}`
}

/** Adds both fields. `by` is the proxy's name: for a limit whose name the origin uses as well. */
export function addDraft11(headers: HeaderList, states: readonly LimitState[], policies: string, by: string): void {
  const theirLimits = headers.get('ratelimit')
  const theirPolicies = headers.get('ratelimit-policy')
  if (theirLimits === undefined && theirPolicies === undefined) {
    headers.appendUnchecked(POLICY, policies)
    let items = ''
    for (const state of states) items += items === '' ? limitItem(state) : `, ${limitItem(state)}`
    headers.appendUnchecked(LIMIT, items)
    return
  }
  // Those of an older draft: a list of both would be neither, and readers would drop all of it.
  if (!isNamedList(theirLimits) || !isNamedList(theirPolicies)) return
  const theirs = `${theirLimits},${theirPolicies}`
  const nameOf = (face: LimitFace): string =>
    theirs.includes(face.quoted) ? quoted(`${by}/${face.name}`) : face.quoted
  headers.append('RateLimit-Policy', states.map(({ face }) => policyItem(face, nameOf(face))).join(', '))
  headers.append('RateLimit', states.map((state) => limitItem(state, nameOf(state.face))).join(', '))
}

/** Whether a field is missing, or a list of names as in this draft. */
export function isNamedList(value: string | undefined): boolean {
  return value === undefined || value.trimStart().startsWith('"')
}

function integer(units: number): number {
  return Math.min(wholeUnits(units), MAX_INTEGER)
}
