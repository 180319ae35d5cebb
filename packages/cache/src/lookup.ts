/** Finds what is stored for a request: under its key, or, where responses vary, under the key of its variant. */
import type { HeaderList } from '@sluice/wire'
import type { VariantKeys } from './key/vary.ts'
import type { MarkerNotes } from './policy/entry-notes.ts'
import { type Reading, readingOf } from './policy/reading.ts'
import type { GuardedStore } from './store/guarded-store.ts'
import type { StoredEntry } from './store/store.ts'

/** What was found. */
export interface Lookup {
  readonly key: string
  /** Where an answer to this request stands, as far as is known. */
  readonly entryKey: string
  readonly entry: StoredEntry | undefined
  readonly reading: Reading | undefined
  readonly marker: MarkerNotes | undefined
}

export class Finder {
  readonly #store: GuardedStore
  readonly #variants: VariantKeys
  corrupt = 0

  constructor(store: GuardedStore, variants: VariantKeys) {
    this.#store = store
    this.#variants = variants
  }

  /** Goes on from what stands under the primary key. At once where the store answers at once. */
  find(key: string, first: StoredEntry | undefined, request: HeaderList): Lookup | Promise<Lookup> {
    const reading = first === undefined ? undefined : this.read(key, first)
    const marker = reading?.marker
    if (marker === undefined) {
      return { key, entryKey: key, entry: reading === undefined ? undefined : first, reading, marker }
    }
    let best: Lookup | undefined
    for (const fields of marker.sets) {
      const entryKey = key + this.#variants.suffix(fields, request)
      const entry = this.#store.get(entryKey)
      if (entry instanceof Promise) return this.#findLater(key, marker, request)
      best = this.#better(best, key, entryKey, marker, entry)
    }
    return best ?? { key, entryKey: key, entry: undefined, reading: undefined, marker }
  }

  /** An entry that can't be understood is a miss, counted and removed. */
  read(key: string, entry: StoredEntry): Reading | undefined {
    const reading = readingOf(entry)
    if (reading === undefined) {
      this.corrupt++
      this.#store.delete(key)
    }
    return reading
  }

  async #findLater(key: string, marker: MarkerNotes, request: HeaderList): Promise<Lookup> {
    let best: Lookup | undefined
    for (const fields of marker.sets) {
      const entryKey = key + this.#variants.suffix(fields, request)
      best = this.#better(best, key, entryKey, marker, await this.#store.get(entryKey))
    }
    return best ?? { key, entryKey: key, entry: undefined, reading: undefined, marker }
  }

  /** Of several that match the latest is to be used (RFC 9111, section 4.1). */
  #better(
    best: Lookup | undefined,
    key: string,
    entryKey: string,
    marker: MarkerNotes,
    entry: StoredEntry | undefined,
  ): Lookup {
    const reading = entry === undefined ? undefined : this.read(entryKey, entry)
    if (reading === undefined || reading.marker !== undefined)
      return best ?? { key, entryKey, entry: undefined, reading: undefined, marker }
    if (best?.reading !== undefined && best.reading.head.respondedAt >= reading.head.respondedAt) return best
    return { key, entryKey, entry, reading, marker }
  }
}
