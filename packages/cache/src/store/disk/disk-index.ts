/** Which entries are on disk, what they take, and which has to go next. Their files are removed behind it. */
import type { Clock } from '@sluice/wire'
import { EvictionQueues, MAX_USES } from '../index/eviction-queues.ts'
import { mapBytes } from '../index/heap-costs.ts'
import { TagIndex } from '../index/tag-index.ts'
import { UrlIndex } from '../index/url-index.ts'
import type { CacheStoreServices, PurgeSelector } from '../store.ts'
import { DiskPlace } from './disk-entry.ts'
import { bytesOnDisk } from './disk-layout.ts'
import type { HeadRecord } from './head-file.ts'

/** How much there may be, on disk and in memory. */
export interface IndexBounds {
  readonly maxBytes: number
  readonly maxIndexBytes: number
}

const MAX_PLACES = 2 ** 22

/** Removes an entry's head, and its body at the time when nobody reads it any more. */
type Removal = (place: DiskPlace, keepsBody: boolean) => void

export class DiskIndex {
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #maxHeapBytes: number
  readonly #remove: Removal
  readonly #places = new Map<string, DiskPlace>()
  readonly #queues: EvictionQueues<DiskPlace>
  readonly #urls = new UrlIndex<DiskPlace>()
  readonly #tags = new TagIndex<DiskPlace>()
  #number = 0
  /** What is being written, or being removed. */
  #otherBytes = 0
  /** What the places take in memory. */
  #heapBytes = 0
  evictions = 0

  constructor({ maxBytes, maxIndexBytes }: IndexBounds, { clock, random }: CacheStoreServices, remove: Removal) {
    this.#clock = clock
    this.#maxBytes = maxBytes
    this.#maxHeapBytes = maxIndexBytes
    this.#remove = remove
    this.#queues = new EvictionQueues(random)
  }

  get size(): number {
    return this.#places.size
  }

  get bytes(): number {
    return this.#queues.bytes + this.#otherBytes
  }

  /** What comes in now has this number, or a larger one. */
  get nextNumber(): number {
    return this.#number
  }

  at(name: string): DiskPlace | undefined {
    return this.#places.get(name)
  }

  /** The same, for who asks for it: a use. */
  used(name: string): DiskPlace | undefined {
    const place = this.#places.get(name)
    if (place === undefined) return undefined
    if (place.isOver(this.#clock.wallTime())) {
      this.drop(place)
      return undefined
    }
    if (place.uses < MAX_USES) place.uses++
    place.handedOutAt = this.#clock.now()
    return place
  }

  /** Enters what is on disk now, in place of what stood there; with the same body where only the head is another. */
  enter(name: string, record: HeadRecord, headFileBytes: number): DiskPlace {
    const place = new DiskPlace(name, record, headFileBytes, this.#number++)
    const old = this.#places.get(name)
    if (old === undefined) this.#queues.add(place)
    else {
      this.#queues.replace(old, place)
      this.#leaveIndexes(old)
      this.#heapBytes -= old.heapBytes
      place.handedOutAt = old.handedOutAt
      // The file of its head is the new one's already.
      if (old.body !== undefined && old.body !== place.body) this.#remove(old, false)
    }
    this.#places.set(name, place)
    this.#heapBytes += place.heapBytes
    this.#urls.add(place)
    this.#tags.add(place)
    this.#makeRoom(0)
    return place
  }

  /** May be done twice: one that came in may have had to leave at once. */
  drop(place: DiskPlace): void {
    if (place.queue === undefined) return
    this.#queues.remove(place)
    this.#heapBytes -= place.heapBytes
    this.#leaveIndexes(place)
    this.#places.delete(place.key)
    this.#remove(place, true)
  }

  /** Makes room for a file that is being written, or says that there is none. */
  reserve(bytes: number): boolean {
    const whole = bytesOnDisk(bytes)
    if (!this.#makeRoom(whole)) return false
    this.#otherBytes += whole
    return true
  }

  /** A file of so many bytes is there, though no entry's. */
  hold(bytes: number): void {
    this.#otherBytes += bytesOnDisk(bytes)
  }

  release(bytes: number): void {
    this.#otherBytes -= bytesOnDisk(bytes)
  }

  find(selector: PurgeSelector): DiskPlace[] {
    if ('url' in selector) return this.#urls.withUrl(selector.url)
    if ('prefix' in selector) return this.#urls.withPrefix(selector.prefix)
    return [...('tags' in selector ? this.#tags.withTags(selector.tags) : this.#places.values())]
  }

  /** Looks at so many from `from` on, lets those go whose time is over, and says where to go on. */
  sweep(from: DiskPlace | undefined, count: number): DiskPlace | undefined {
    const now = this.#clock.wallTime()
    let place = from?.queue === undefined ? this.#queues.after(undefined) : from
    for (let looked = 0; place !== undefined && looked < count; looked++) {
      const next = this.#queues.after(place)
      if (place.isOver(now)) this.drop(place)
      place = next
    }
    return place
  }

  #leaveIndexes(place: DiskPlace): void {
    this.#urls.remove(place)
    this.#tags.remove(place)
  }

  /** In memory; a Map of V8 ends at four times as many places. */
  #isTooLarge(): boolean {
    const tables = mapBytes(this.#places.size) + this.#tags.bytes + this.#queues.ghostBytes
    return this.#heapBytes + tables > this.#maxHeapBytes || this.#places.size >= MAX_PLACES
  }

  #makeRoom(bytes: number): boolean {
    const now = this.#clock.wallTime()
    while (this.bytes + bytes > this.#maxBytes || this.#isTooLarge()) {
      const place = this.#queues.next(now)
      if (place === undefined) return false
      if (!place.isOver(now)) this.evictions++
      this.drop(place)
    }
    return true
  }
}
