/**
 * Purges of what is on disk, some entries in each turn of the event loop: there may be millions. Whoever meets one in between that is meant,
 * and was there before, finds it purged already.
 */
import { isMeant } from '../purge-log.ts'
import type { PurgeSelector } from '../store.ts'
import type { DiskPlace } from './disk-entry.ts'
import type { DiskIndex } from './disk-index.ts'

interface PurgeUnderWay {
  readonly selector: PurgeSelector
  /** Since when what is meant is stale; `undefined` where it goes. */
  readonly staleSince: number | undefined
  /** The number of the first entry that came later. */
  readonly before: number
}

const BATCH = 1_000

export class DiskPurges {
  readonly #index: DiskIndex
  /** Notes on disk that an entry is stale. */
  readonly #mark: (place: DiskPlace, staleSince: number) => void
  readonly #underWay = new Set<PurgeUnderWay>()

  constructor(index: DiskIndex, mark: (place: DiskPlace, staleSince: number) => void) {
    this.#index = index
    this.#mark = mark
  }

  /** Resolves with how many were meant, when all of them have been found. */
  async purge(selector: PurgeSelector, staleSince: number | undefined): Promise<number> {
    const places = this.#index.find(selector)
    const purge: PurgeUnderWay = { selector, staleSince, before: this.#index.nextNumber }
    this.#underWay.add(purge)
    for (const [i, place] of places.entries()) {
      if (i % BATCH === BATCH - 1) await new Promise((resolve) => setImmediate(resolve))
      this.#apply(place, purge)
    }
    this.#underWay.delete(purge)
    return places.length
  }

  /** Does to an entry what it is in for. */
  meet(place: DiskPlace): void {
    for (const purge of this.#underWay)
      if (place.number < purge.before && isMeant(purge.selector, place)) this.#apply(place, purge)
  }

  #apply(place: DiskPlace, { staleSince }: PurgeUnderWay): void {
    // It has left since.
    if (place.queue === undefined) return
    if (staleSince === undefined) this.#index.drop(place)
    else if (place.staleSince === undefined) {
      place.staleSince = staleSince
      this.#mark(place, staleSince)
    }
  }
}
