/**
 * An entry's head as one string, until it is first asked for. Most of what comes into a cache leaves it without ever being read: as
 * one string it is copied out of what it came in by one call, takes half of the room, and is nothing to the garbage collector, where
 * it would be thirty objects.
 */
import {
  ARRAY_BYTES,
  NUMBER_BYTES,
  OBJECT_BYTES,
  POINTER_BYTES,
  SLICE_BYTES,
  stringBytes,
} from '../index/heap-costs.ts'
import type { EntryHead } from '../store.ts'
import { ownText } from './owned-text.ts'

/** What is needed to find a head, and to unpack it. Shares memory with nothing else. */
export interface HeadFacts {
  readonly url: string
  readonly tags: readonly string[]
  readonly status: number
  /** When it was asked for and when it arrived, its age then, how long it is fresh, and when it is of no use any more. */
  readonly times: readonly [number, number, number, number, number]
  /** How many names and values. */
  readonly fields: number
}

/** A head in this form. */
export interface PackedHead {
  readonly facts: HeadFacts
  /** Notes, id, names and values. */
  readonly text: string
}

/** No field may have it in its value (RFC 9110, section 5.5), and JSON writes it in another way. */
const BETWEEN = '\n'
const FACTS_BYTES = OBJECT_BYTES + 5 * POINTER_BYTES + ARRAY_BYTES + 5 * POINTER_BYTES
/** Eleven properties, and times that are no small integers. */
const HEAD_BYTES = OBJECT_BYTES + 11 * POINTER_BYTES + 4 * NUMBER_BYTES + ARRAY_BYTES
const EMPTY_OBJECT_BYTES = OBJECT_BYTES + 4 * POINTER_BYTES
/** Properties beyond the first four stand in an array that grows by three. */
const PROPERTY_BYTES = 12
const NO_TAGS: readonly string[] = Object.freeze([])

/** `ownKey`: a string of the store's own, which the URL often is, too. */
export function packHead(head: EntryHead, ownKey: string): PackedHead {
  const { url, headers, tags } = head
  let text = notesText(head.notes) + BETWEEN + head.id
  for (let i = 0; i < headers.length; i++) text += BETWEEN + headers[i]!
  const facts: HeadFacts = {
    url: url === ownKey ? ownKey : ownText(url),
    tags: tags.length === 0 ? NO_TAGS : tags.map(ownText),
    status: head.status,
    times: [head.requestedAt, head.respondedAt, head.initialAgeMs, head.freshMs, head.expiresAt],
    fields: headers.length,
  }
  return { facts, text }
}

/** Many heads have one and the same object of notes. */
function notesText(notes: EntryHead['notes']): string {
  if (notes === lastNotes) return lastText
  const text = JSON.stringify(notes)
  // What can still be changed may be written differently the next time.
  if (Object.isFrozen(notes)) {
    lastNotes = notes
    lastText = text
  }
  return text
}

let lastNotes: EntryHead['notes'] | undefined
let lastText = ''

/** The head again; `undefined` where that can't be, since a separator was in one of its strings. */
export function unpackHead({ url, tags, status, times, fields }: HeadFacts, text: string): EntryHead | undefined {
  const parts = text.split(BETWEEN)
  const [notes, id] = parts
  // A copy of the right size: an array that was filled by a pattern has room to spare.
  const headers = parts.slice(2)
  if (headers.length !== fields) return undefined
  return {
    id: id!,
    status,
    headers,
    requestedAt: times[0],
    respondedAt: times[1],
    initialAgeMs: times[2],
    freshMs: times[3],
    expiresAt: times[4],
    url,
    tags,
    notes: JSON.parse(notes!) as EntryHead['notes'],
  }
}

/** What the facts take on the heap, beside a URL that is the key. */
export function factsBytes({ url, tags }: HeadFacts, key: string): number {
  const urlBytes = url === key ? 0 : stringBytes(url)
  const tagBytes = tags === NO_TAGS ? 0 : ARRAY_BYTES + tags.length * POINTER_BYTES
  return FACTS_BYTES + urlBytes + tags.reduce((sum, tag) => sum + stringBytes(tag), tagBytes)
}

/** What one that was unpacked takes beyond that; its strings are pieces of the packed one, which is not counted here. */
export function unpackedBytes({ headers, notes }: EntryHead): number {
  return HEAD_BYTES + (headers.length + 1) * (POINTER_BYTES + SLICE_BYTES) + valueBytes(notes)
}

/** A value that came out of JSON. */
function valueBytes(value: unknown): number {
  if (typeof value === 'string') return stringBytes(value)
  if (typeof value === 'number') return (value | 0) === value ? 0 : NUMBER_BYTES
  if (typeof value !== 'object' || value === null) return 0
  const values: unknown[] = Array.isArray(value) ? value : Object.values(value)
  const own = Array.isArray(value)
    ? ARRAY_BYTES + values.length * POINTER_BYTES
    : EMPTY_OBJECT_BYTES + Math.max(0, values.length - 4) * PROPERTY_BYTES
  return values.reduce<number>((sum, each) => sum + valueBytes(each), own)
}
