/** Entries in the order in which they came, with their bytes. Entering, leaving from anywhere: no search, no allocation. */

/** What stands in a queue. */
export interface Queued<E extends Queued<E>> {
  readonly key: string
  /** What it takes, in bytes. */
  readonly cost: number
  /** How often it was asked for since it came into its queue. */
  uses: number
  queue: EntryQueue<E> | undefined
  newer: E | undefined
  older: E | undefined
  /** Whether its time is over. */
  isOver(wallTime: number): boolean
}

export class EntryQueue<E extends Queued<E>> {
  /** What the entries in it take. */
  bytes = 0
  #newest: E | undefined = undefined
  #oldest: E | undefined = undefined

  get oldest(): E | undefined {
    return this.#oldest
  }

  push(entry: E): void {
    entry.queue = this
    entry.newer = undefined
    entry.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
    this.bytes += entry.cost
  }

  remove(entry: E): void {
    if (entry.newer === undefined) this.#newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === undefined) this.#oldest = entry.newer
    else entry.older.newer = entry.newer
    entry.queue = entry.newer = entry.older = undefined
    this.bytes -= entry.cost
  }

  /** Lets go of all at once; what they know of it and of each other is theirs to forget. */
  clear(): void {
    this.bytes = 0
    this.#newest = this.#oldest = undefined
  }
}
