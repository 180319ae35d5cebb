/**
 * A response on its way to both stores. Where one does not want it, the other goes on; what stood there before is then forgotten, since the
 * other has a later one.
 */
import type { CacheStore, EntryWriter } from '../store.ts'
import type { Changes } from './changes.ts'

export class TieredWriter implements EntryWriter {
  readonly #key: string
  readonly #changes: Changes
  readonly #stores: readonly [front: CacheStore, back: CacheStore]
  #front: EntryWriter | undefined
  #back: EntryWriter | undefined

  constructor(
    front: EntryWriter | undefined,
    back: EntryWriter | undefined,
    stores: readonly [front: CacheStore, back: CacheStore],
    key: string,
    changes: Changes,
  ) {
    this.#front = front
    this.#back = back
    this.#stores = stores
    this.#key = key
    this.#changes = changes
  }

  write(chunk: Uint8Array): boolean {
    if (this.#front?.write(chunk) === false) this.#front = undefined
    if (this.#back?.write(chunk) === false) this.#back = undefined
    return this.#front !== undefined || this.#back !== undefined
  }

  commit(): void {
    const [front, back] = this.#stores
    if (this.#front === undefined && this.#back !== undefined) this.#changes.noteBehind(this.#key)
    else this.#changes.note(this.#key)
    const isKept = this.#front !== undefined || this.#back !== undefined
    if (isKept && this.#front === undefined) front.delete(this.#key)
    if (isKept && this.#back === undefined) back.delete(this.#key)
    this.#front?.commit()
    this.#back?.commit()
  }

  abort(): void {
    this.#front?.abort()
    this.#back?.abort()
  }
}
