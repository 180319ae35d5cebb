/** An entry with another head than the one it was found with: while a renewed head is on its way to the store. */
import type { BodySource } from '@sluice/wire'
import type { EntryHead, StoredEntry } from '../store/store.ts'

export class EntryView implements StoredEntry {
  readonly head: EntryHead
  readonly staleSince: undefined = undefined
  readonly #entry: StoredEntry

  constructor(entry: StoredEntry, head: EntryHead) {
    this.#entry = entry
    this.head = head
  }

  get bodyBytes(): number {
    return this.#entry.bodyBytes
  }

  get text(): string | undefined {
    return this.#entry.text
  }

  get bytes(): Uint8Array | undefined {
    return this.#entry.bytes
  }

  open(start: number, end: number): BodySource {
    return this.#entry.open(start, end)
  }
}
