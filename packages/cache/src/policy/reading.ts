/**
 * A stored head, made ready for hits: what decides on its freshness as numbers, and its fields as a list that replies share. It is made
 * at the first hit and kept with the entry, whose store counts what it takes.
 */
import { HeaderList, maskOf } from '@sluice/wire'
import type { EntryHead, StoredEntry } from '../store/store.ts'
import { type MarkerNotes, readNotes, type ResponseNotes } from './entry-notes.ts'
import type { Reusable } from './reuse.ts'

const CONTENT_LENGTH = maskOf('content-length')

export class Reading implements Reusable {
  readonly head: EntryHead
  readonly freshUntil: number
  readonly bornAt: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly noCache: boolean
  readonly mustRevalidate: boolean
  readonly trailers: readonly string[] | undefined
  readonly part: ResponseNotes['part']
  /** Present where this is no response but a marker. */
  readonly marker: MarkerNotes | undefined
  /** All fields, the length among them. Shared by replies: copied before it is written to. */
  readonly headers: HeaderList
  /** No revalidation is begun in the background before: the last one has failed. */
  quietUntil = 0
  /** The fields of a hit, for one second of its age; of the busiest entries alone: see {@link StatusTeller}. */
  hitHeaders: HeaderList | undefined = undefined
  hitSecond = -1
  lastSecond = -1
  hitFreshUntil = 0
  hitIdentifier = ''

  constructor(head: EntryHead, bodyBytes: number | undefined, notes: ResponseNotes | MarkerNotes) {
    this.head = head
    this.bornAt = head.respondedAt - head.initialAgeMs
    this.freshUntil = this.bornAt + head.freshMs
    const response = notes.kind === 'response' ? notes : undefined
    this.staleWhileRevalidateMs = response?.swr ?? 0
    this.staleIfErrorMs = response?.sie ?? 0
    this.noCache = response?.noCache ?? false
    this.mustRevalidate = response?.mustRevalidate ?? false
    this.trailers = response?.trailers
    this.part = response?.part
    this.marker = notes.kind === 'marker' ? notes : undefined
    this.headers = HeaderList.received(head.headers.slice())
    const hasBody = bodyBytes !== undefined && head.status !== 204
    if (hasBody && !this.headers.hasAny(CONTENT_LENGTH)) this.headers.append('Content-Length', String(bodyBytes))
    this.headers.freeze()
  }
}

/** The reading of an entry, made at its first hit; `undefined` where it can't be understood. Never throws. */
export function readingOf(entry: StoredEntry): Reading | undefined {
  const known = entry.reading as Reading | undefined
  if (known !== undefined && known.head === entry.head) return known
  const reading = readHead(entry.head, entry.bodyBytes)
  if (reading !== undefined) entry.reading = reading
  return reading
}

/** What a reading takes on the heap, for stores that keep it with an entry: of a head with so many names and values. */
export function readingBytes(namesAndValues: number): number {
  return READING_BYTES + namesAndValues * BYTES_EACH
}

/** The object with its numbers, and its list of fields with the length added. */
const READING_BYTES = 560
/** A place in the list's array of names and values, and half of one in that of its keys. */
const BYTES_EACH = 12

/** The reading of a head that stands in no store yet, or does no more. */
export function readHead(head: EntryHead, bodyBytes: number | undefined): Reading | undefined {
  try {
    const notes = readNotes(head)
    return notes === undefined || !isSane(head) ? undefined : new Reading(head, bodyBytes, notes)
  } catch {
    return undefined
  }
}

/** What came back from outside the process could be anything. */
function isSane({ status, headers, respondedAt, initialAgeMs, freshMs }: EntryHead): boolean {
  return (
    Number.isInteger(status) &&
    status >= 200 &&
    status <= 599 &&
    Array.isArray(headers) &&
    headers.length % 2 === 0 &&
    Number.isFinite(respondedAt + initialAgeMs + freshMs)
  )
}
