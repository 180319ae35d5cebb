/** What the tests of all stores have in common: heads, bodies, and ways to write and read them. */
import { virtualClock } from '@sluice/testing'
import { Body } from '@sluice/wire'
import type { CacheStore, CacheStoreServices, EntryHead, StoredEntry } from '../../src/index.ts'

let count = 0

/** Services of a store, with time that stands still. */
export function services(
  random: () => number = () => 0.5,
): CacheStoreServices & { clock: ReturnType<typeof virtualClock> } {
  return { clock: virtualClock(), random }
}

/** A head with these properties, and others of the kind. */
export function headOf(head: Partial<EntryHead> = {}): EntryHead {
  return {
    id: `id-${++count}`,
    status: 200,
    headers: ['Content-Type', 'text/plain; charset=utf-8', 'ETag', `"${count}"`],
    requestedAt: 981_173_106_000,
    respondedAt: 981_173_106_010,
    initialAgeMs: 0,
    freshMs: 60_000,
    expiresAt: 4_102_444_800_000,
    url: 'https://example.com/',
    tags: [],
    notes: {},
    ...head,
  }
}

/** Writes a whole entry, in chunks of a size. */
export function write(
  store: CacheStore,
  key: string,
  head: EntryHead,
  body: Uint8Array | string,
  chunkBytes = 65_536,
): void {
  const bytes = Buffer.from(body)
  const writer = store.put(key, head, bytes.length)
  for (let at = 0; at < bytes.length; at += chunkBytes) writer?.write(bytes.subarray(at, at + chunkBytes))
  writer?.commit()
}

/** The body of an entry, or a range of it. */
export async function bodyOf(entry: StoredEntry, start = 0, end: number = entry.bodyBytes): Promise<Buffer> {
  return await Body.from(entry.open(start, end)).bytes({ maxBytes: 1e9 })
}

/** The body under a key as text, or `undefined` where there is none. */
export async function textAt(store: CacheStore, key: string): Promise<string | undefined> {
  const entry = await store.get(key)
  return entry === undefined ? undefined : (await bodyOf(entry)).toString('latin1')
}
