/** What the cache writes beside an entry, and reads again: plain data that may come back from a disk or a network, so it is checked. */
import type { EntryHead } from '../store/store.ts'
import type { StoredPolicy } from './storability.ts'

/** Of a stored response. */
export interface ResponseNotes {
  readonly kind: 'response'
  readonly swr: number
  readonly sie: number
  readonly noCache: boolean
  readonly mustRevalidate: boolean
  /** `[name, value, ...]` */
  readonly trailers: readonly string[] | undefined
  /** Of a part (206): where in the whole it belongs. */
  readonly part: { readonly start: number; readonly total: number } | undefined
}

/** Of the marker under a primary key whose responses vary. */
export interface MarkerNotes {
  readonly kind: 'marker'
  /** The sets of fields that responses vary by, the latest first. */
  readonly sets: readonly (readonly string[])[]
  /** `[suffix, entity tag, ...]` of the variants, the oldest first. */
  readonly variants: readonly string[]
}

export function responseNotes(
  policy: StoredPolicy,
  more: Pick<ResponseNotes, 'trailers' | 'part'>,
): Readonly<Record<string, unknown>> {
  const { staleWhileRevalidateMs: swr, staleIfErrorMs: sie, noCache, mustRevalidate } = policy
  const flags = (noCache ? 1 : 0) | (mustRevalidate ? 2 : 0)
  if (more.trailers === undefined && more.part === undefined) return plainNotes(swr, sie, flags)
  return {
    v: 1,
    swr,
    sie,
    flags,
    ...(more.trailers === undefined ? {} : { trailers: more.trailers }),
    ...(more.part === undefined ? {} : { part: more.part }),
  }
}

/** Most responses have the same notes as the one before: then they are the same object, which a store may know already. */
function plainNotes(swr: number, sie: number, flags: number): Readonly<Record<string, unknown>> {
  if (last.swr !== swr || last.sie !== sie || last.flags !== flags) last = Object.freeze({ v: 1, swr, sie, flags })
  return last
}

let last: Readonly<Record<'v' | 'swr' | 'sie' | 'flags', number>> = Object.freeze({ v: 1, swr: 0, sie: 0, flags: 0 })

export function markerNotes({ sets, variants }: Omit<MarkerNotes, 'kind'>): Readonly<Record<string, unknown>> {
  return { v: 1, sets, variants }
}

/** `undefined` where they are not what this cache has written. Never throws. */
export function readNotes(head: EntryHead): ResponseNotes | MarkerNotes | undefined {
  const { notes } = head
  if (typeof notes !== 'object' || notes === null || notes['v'] !== 1) return undefined
  return 'sets' in notes ? readMarker(notes) : readResponse(notes)
}

function readMarker({ sets, variants }: Readonly<Record<string, unknown>>): MarkerNotes | undefined {
  if (!Array.isArray(sets) || !sets.every(isStrings) || !isStrings(variants) || variants.length % 2 !== 0)
    return undefined
  return { kind: 'marker', sets, variants }
}

function readResponse(notes: Readonly<Record<string, unknown>>): ResponseNotes | undefined {
  const { swr, sie, flags, trailers, part } = notes
  if (typeof swr !== 'number' || typeof sie !== 'number' || typeof flags !== 'number') return undefined
  if (trailers !== undefined && !(isStrings(trailers) && trailers.length % 2 === 0)) return undefined
  if (part !== undefined && !isPart(part)) return undefined
  const [noCache, mustRevalidate] = [(flags & 1) !== 0, (flags & 2) !== 0]
  return { kind: 'response', swr, sie, noCache, mustRevalidate, trailers, part }
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function isPart(value: unknown): value is { start: number; total: number } {
  if (typeof value !== 'object' || value === null) return false
  const { start, total } = value as Record<string, unknown>
  return typeof start === 'number' && typeof total === 'number'
}
