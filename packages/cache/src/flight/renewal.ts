/** A stored response that a 304 has confirmed: its head takes over what the 304 says (RFC 9111, sections 3.2 and 4.3.4). */
import type { Reply } from '@sluice/core'
import { HeaderList } from '@sluice/wire'
import { varyFields } from '../key/vary.ts'
import { type Reading, readHead } from '../policy/reading.ts'
import { isPassing } from '../policy/storability.ts'
import type { FetchFacts, Judged } from '../recorder.ts'
import type { EntryHead, StoredEntry } from '../store/store.ts'
import { mergedFields } from '../validation/revalidation.ts'
import { EntryView } from './entry-view.ts'
import type { FetchParts } from './fetch-task.ts'
import type { Landing, SharedReply } from './flight.ts'

/** What was confirmed. */
export interface Confirmed {
  readonly entryKey: string
  readonly primaryKey: string
  readonly entry: StoredEntry
  readonly reading: Reading
  /** Whether it is the answer to this request's variant for the first time. */
  readonly isOther: boolean
  readonly facts: FetchFacts
  readonly keyOf: () => string
}

/** What comes of it. */
export interface Renewed {
  /** For the one who asked. */
  readonly shared: SharedReply
  /** For all who wait. */
  readonly landing: Landing
  /** Cookies that came with the 304: his alone. */
  readonly cookies: readonly string[]
}

export function renew({ recorder, store, plan }: FetchParts, reply: Reply, confirmed: Confirmed): Renewed {
  const { entry, entryKey, reading, facts, keyOf } = confirmed
  const cookies = plan.setCookie === 'store' ? [] : reply.headers.getAll('set-cookie')
  if (cookies.length > 0) reply.headers.delete('set-cookie')
  const merged = mergedFields(HeaderList.received(reading.head.headers.slice()), reply.headers)
  const judged = recorder.judge(reading.head.status, merged, facts, keyOf, reading.part)
  if (typeof judged === 'string' || !staysInPlace(judged, confirmed)) {
    // It says now that it is not to be kept, or not for all of these.
    if (typeof judged !== 'string' || !isPassing(judged)) store.delete(entryKey, reading.head.id)
    return { shared: sharedEntry(entry, reading.head, reading, confirmed), landing: 'alone', cookies }
  }
  const head = renewedHead(judged.head, reading.head)
  store.update(entryKey, reading.head.id, head, facts.generation)
  const shared = sharedEntry(entry, head, readHead(head, entry.bodyBytes)!, confirmed)
  if (!confirmed.isOther) return { shared, landing: shared, cookies }
  copyVariant(recorder, judged, entry, facts)
  return { shared, landing: { ...shared, entryKey: judged.key, vary: judged.vary }, cookies }
}

/** Whether its key still is its own: not where it varies by other fields now. */
function staysInPlace(judged: Judged, { isOther, entryKey, reading }: Confirmed): boolean {
  return isOther ? judged.vary.join() === varyFields(reading.headers)?.join() : judged.key === entryKey
}

/** An entry for all who ask for the same. */
export function sharedEntry(
  entry: StoredEntry,
  head: EntryHead,
  reading: Reading,
  { entryKey, primaryKey }: Pick<Confirmed, 'entryKey' | 'primaryKey'>,
): SharedReply {
  return { reading, content: new EntryView(entry, head), entryKey, primaryKey, vary: [] }
}

/** The same representation, under the key of this request's variant. */
function copyVariant(recorder: FetchParts['recorder'], judged: Judged, entry: StoredEntry, facts: FetchFacts): void {
  const { bytes } = entry
  if (bytes === undefined) return
  const writer = recorder.begin(judged, bytes.byteLength, facts.generation)
  if (typeof writer === 'string' || !writer.write(bytes)) return
  recorder.commit(judged, writer, facts, bytes.byteLength)
}

/** The old response's identity with the new head. */
function renewedHead(head: EntryHead, old: EntryHead): EntryHead {
  const trailers = old.notes['trailers']
  return { ...head, id: old.id, notes: trailers === undefined ? head.notes : { ...head.notes, trailers } }
}
