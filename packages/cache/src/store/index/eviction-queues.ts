/**
 * Which entry has to go: S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), by bytes. What comes
 * in waits in a small queue; there most leave, never asked for again, without having cost the others their places. Those that
 * were asked for go on to the main queue, where each use gives another round. What left and comes back goes to the main queue at once.
 * A hit only counts: nothing moves. See ADR 13 for what was compared.
 */
import { EntryQueue, type Queued } from './entry-queue.ts'
import { GhostTable } from './ghost-table.ts'

const SMALL_SHARE = 0.1
/** To go on, an entry has to be asked for as often while it is in the small queue. */
const MIN_USES = 1
export const MAX_USES = 3
/** So many may go on before one has to leave whatever it is: an eviction takes a bounded time, also where all are popular. */
const MAX_MOVES = 64

export class EvictionQueues<E extends Queued<E>> {
  readonly #small = new EntryQueue<E>()
  readonly #main = new EntryQueue<E>()
  readonly #ghosts: GhostTable
  #entries = 0

  constructor(random: () => number) {
    this.#ghosts = new GhostTable(random)
  }

  /** Of all entries. */
  get bytes(): number {
    return this.#small.bytes + this.#main.bytes
  }

  get ghostBytes(): number {
    return this.#ghosts.bytes
  }

  /** Takes a new entry; the one that it replaces, if any, has left by {@link replace}. */
  add(entry: E): void {
    this.#entries++
    const queue = this.#ghosts.take(entry.key, this.#entries) ? this.#main : this.#small
    queue.push(entry)
  }

  /** Another response under the same key is as popular as the one before. */
  replace(old: E, entry: E): void {
    const queue = old.queue!
    queue.remove(old)
    entry.uses = old.uses
    queue.push(entry)
  }

  remove(entry: E): void {
    this.#entries--
    entry.queue!.remove(entry)
  }

  /** As if each were removed; see {@link EntryQueue.clear}. */
  clear(): void {
    this.#entries = 0
    this.#small.clear()
    this.#main.clear()
  }

  /** The entry that has to leave, which has not left yet; `undefined` where there is none. */
  next(now: number): E | undefined {
    const isSmallFull = this.#small.bytes > this.bytes * SMALL_SHARE
    const entry = isSmallFull || this.#main.oldest === undefined ? this.#nextOfSmall(now) : undefined
    if (entry === undefined) return this.#nextOfMain(now)
    this.#ghosts.add(entry.key, this.#entries)
    return entry
  }

  /** The next to look at, when all are looked at in turn. */
  after(entry: E | undefined): E | undefined {
    if (entry === undefined) return this.#small.oldest ?? this.#main.oldest
    return entry.newer ?? (entry.queue === this.#small ? this.#main.oldest : undefined)
  }

  #nextOfSmall(now: number): E | undefined {
    for (let moves = 0; ; moves++) {
      const entry = this.#small.oldest
      if (entry === undefined || entry.uses < MIN_USES || moves >= MAX_MOVES || entry.isOver(now)) return entry
      this.#small.remove(entry)
      entry.uses = 0
      this.#main.push(entry)
    }
  }

  #nextOfMain(now: number): E | undefined {
    for (let moves = 0; ; moves++) {
      const entry = this.#main.oldest
      if (entry === undefined || entry.uses === 0 || moves >= MAX_MOVES || entry.isOver(now)) return entry
      this.#main.remove(entry)
      entry.uses--
      this.#main.push(entry)
    }
  }
}
