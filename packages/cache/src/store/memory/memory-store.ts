/**
 * Keeps responses in the memory of this process, up to a bound that counts everything they take.
 *
 *     httpCache({ store: memoryStore({ maxBytes: 256 * 1024 * 1024 }) })
 */
import type { Clock, ScheduledCall } from '@sluice/wire'
import { MAX_USES, EvictionQueues } from '../index/eviction-queues.ts'
import { mapBytes } from '../index/heap-costs.ts'
import { TagIndex } from '../index/tag-index.ts'
import { UrlIndex } from '../index/url-index.ts'
import { PurgeLog } from '../purge-log.ts'
import type {
  CacheStore,
  CacheStoreServices,
  CacheStoreSnapshot,
  EntryHead,
  EntryWriter,
  PurgeOptions,
  PurgeSelector,
} from '../store.ts'
import { ByteArena } from './byte-arena.ts'
import { EntryMaker, type PendingEntry, type WrittenBody } from './entry-maker.ts'
import type { MemoryEntry } from './memory-entry.ts'
import { type MemoryPlan, type MemoryStoreOptions, resolveMemoryOptions } from './memory-options.ts'
import { MemoryWriter, type WriterRoom } from './memory-writer.ts'
import { ownText } from './owned-text.ts'

/** Of all bytes, what may be reserved for responses that are on their way. */
const WRITING_SHARE = 0.5
/** A Map of V8 ends at twice as many places, and throws. */
const MAX_ENTRIES = 2 ** 22
/** Some at a time: to forget one takes a microsecond or two. */
const SWEEP_INTERVAL_MS = 5_000
const MAX_SWEPT = 1_000

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function memoryStore(options: MemoryStoreOptions = {}): (services: CacheStoreServices) => MemoryStore {
  const plan = resolveMemoryOptions(options)
  return (services) => new MemoryStore(plan, services)
}

/** See {@link memoryStore}. Answers at once, always. */
export class MemoryStore implements CacheStore {
  readonly kind = 'memory'
  readonly #plan: MemoryPlan
  readonly #clock: Clock
  readonly #entries = new Map<string, MemoryEntry>()
  readonly #queues: EvictionQueues<MemoryEntry>
  readonly #urls = new UrlIndex<MemoryEntry>()
  readonly #tags = new TagIndex<MemoryEntry>()
  readonly #purges = new PurgeLog()
  readonly #arena: ByteArena
  readonly #maker: EntryMaker
  readonly #room: WriterRoom
  #heapBytes = 0
  #writingBytes = 0
  #evictions = 0
  #corrupt = 0
  #isClosed = false
  #sweep: ScheduledCall | undefined = undefined
  /** Where the sweep goes on. */
  #swept: MemoryEntry | undefined = undefined

  constructor(plan: MemoryPlan, { clock, random }: CacheStoreServices) {
    this.#plan = plan
    this.#clock = clock
    this.#queues = new EvictionQueues(random)
    this.#arena = new ByteArena(plan.maxBytes)
    this.#maker = new EntryMaker(this.#arena)
    this.#room = this.#writerRoom()
  }

  get generation(): number {
    return this.#purges.count
  }

  get(key: string): MemoryEntry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.isOver(this.#clock.wallTime())) {
      this.#drop(entry)
      return undefined
    }
    if (entry.isPacked && !this.#unpack(entry)) return undefined
    if (entry.uses < MAX_USES) entry.uses++
    return entry
  }

  put(
    key: string,
    head: EntryHead,
    bodyBytes: number | undefined,
    generation: number = this.generation,
  ): EntryWriter | undefined {
    const { maxEntryBytes } = this.#plan
    if (this.#isClosed || (bodyBytes ?? 0) > maxEntryBytes) return undefined
    const entry = this.#maker.begin(ownText(key), head, generation)
    if (entry.bytes + (bodyBytes ?? 0) > maxEntryBytes || !this.#reserve(entry.bytes)) return undefined
    return new MemoryWriter(this.#room, entry, bodyBytes)
  }

  update(key: string, id: string, head: EntryHead, generation: number = this.generation): void {
    const old = this.#entries.get(key)
    if (old === undefined || !old.hasId(id)) return
    const { bodyBytes: length, text, pieces } = old
    this.#keep(this.#maker.begin(old.key, head, generation), { length, text, pieces })
  }

  delete(key: string, id?: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined && (id === undefined || entry.hasId(id))) this.#drop(entry)
  }

  purge(selector: PurgeSelector, options: PurgeOptions = {}): number {
    const isSoft = options.soft ?? false
    const now = this.#clock.wallTime()
    this.#purges.add(selector, isSoft, now)
    if ('all' in selector && !isSoft) return this.#dropAll()
    const hits = this.#find(selector)
    let count = 0
    for (const entry of hits) {
      count++
      if (isSoft) entry.staleSince ??= now
      else this.#remove(entry)
    }
    this.#arena.tidy()
    return count
  }

  snapshot(): CacheStoreSnapshot {
    return {
      kind: this.kind,
      up: !this.#isClosed,
      entries: this.#entries.size,
      bytes: this.#bytes(0),
      maxBytes: this.#plan.maxBytes,
      evictions: this.#evictions,
      corrupt: this.#corrupt,
      failures: 0,
    }
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#sweep?.cancel()
    this.#dropAll()
    return Promise.resolve()
  }

  /** On the first look-up; the others get the same. */
  #unpack(entry: MemoryEntry): boolean {
    const bytes = entry.unpack()
    if (bytes === undefined) {
      this.#corrupt++
      this.#drop(entry)
      return false
    }
    entry.queue!.bytes += bytes
    this.#heapBytes += bytes
    this.#makeRoom(0, 0)
    return true
  }

  #find(selector: PurgeSelector): Iterable<MemoryEntry> {
    if ('url' in selector) return this.#urls.withUrl(selector.url)
    if ('prefix' in selector) return this.#urls.withPrefix(selector.prefix)
    return 'tags' in selector ? this.#tags.withTags(selector.tags) : this.#entries.values()
  }

  #writerRoom(): WriterRoom {
    return {
      maxTextBytes: this.#arena.maxTextBytes,
      maxEntryBytes: this.#plan.maxEntryBytes,
      reserve: (bytes) => this.#reserve(bytes),
      release: (bytes) => void (this.#writingBytes -= bytes),
      keep: (entry, body) => this.#keep(entry, body),
    }
  }

  #keep(pending: PendingEntry, body: WrittenBody): void {
    const { key, facts, generation } = pending
    const verdict = this.#purges.verdict(generation, facts)
    const old = this.#entries.get(key)
    const entry = this.#isClosed || verdict === 'gone' ? undefined : this.#maker.finish(pending, body)
    if (entry === undefined || (old === undefined && !this.#makeRoom(entry.cost, entry.heapCost))) {
      if (old !== undefined) this.#drop(old)
      entry?.leave(this.#arena)
      this.#arena.tidy()
      return
    }
    if (typeof verdict === 'number') entry.staleSince = verdict
    this.#replace(old, entry)
    // What takes another's place may be larger, and new tags take room of their own.
    this.#makeRoom(0, 0)
    this.#sweep ??= this.#clock.schedule(SWEEP_INTERVAL_MS, () => this.#sweepSome())
  }

  #replace(old: MemoryEntry | undefined, entry: MemoryEntry): void {
    if (old === undefined) this.#queues.add(entry)
    else {
      this.#queues.replace(old, entry)
      this.#leaveIndexes(old)
      old.leave(this.#arena)
      this.#arena.tidy()
    }
    this.#entries.set(entry.key, entry)
    this.#urls.add(entry)
    this.#tags.add(entry)
    this.#heapBytes += entry.heapCost
  }

  #drop(entry: MemoryEntry): void {
    this.#remove(entry)
    this.#arena.tidy()
  }

  /** Leaves the arena to be tidied. */
  #remove(entry: MemoryEntry): void {
    if (this.#swept === entry) this.#swept = entry.newer
    this.#queues.remove(entry)
    this.#leaveIndexes(entry)
    this.#entries.delete(entry.key)
    entry.leave(this.#arena)
  }

  /** Much faster than one by one. Gives how many they were. */
  #dropAll(): number {
    const count = this.#entries.size
    for (const entry of this.#entries.values()) entry.forgetPlaces()
    this.#entries.clear()
    this.#queues.clear()
    this.#urls.clear()
    this.#tags.clear()
    this.#arena.clear()
    this.#heapBytes = 0
    this.#swept = undefined
    return count
  }

  #leaveIndexes(entry: MemoryEntry): void {
    if (this.#swept === entry) this.#swept = undefined
    this.#urls.remove(entry)
    this.#tags.remove(entry)
    this.#heapBytes -= entry.heapCost
  }

  #reserve(bytes: number): boolean {
    if (this.#writingBytes + bytes > this.#plan.maxBytes * WRITING_SHARE || !this.#makeRoom(bytes, 0)) return false
    this.#writingBytes += bytes
    return true
  }

  /** Lets entries go until there is room for so much more. */
  #makeRoom(bytes: number, heapBytes: number): boolean {
    const { maxBytes, maxHeapBytes } = this.#plan
    let now: number | undefined
    while (
      this.#bytes(1) + bytes > maxBytes ||
      this.#heapBytes + heapBytes > maxHeapBytes ||
      this.#entries.size >= MAX_ENTRIES
    ) {
      const entry = this.#queues.next((now ??= this.#clock.wallTime()))
      if (entry === undefined) return false
      if (!entry.isOver(now)) this.#evictions++
      this.#drop(entry)
    }
    return true
  }

  /** What everything takes; with so many entries more, the tables may be larger. */
  #bytes(more: number): number {
    const tables =
      mapBytes(this.#entries.size + more) + this.#tags.bytes + this.#queues.ghostBytes + this.#arena.spareBytes
    return this.#queues.bytes + this.#writingBytes + tables
  }

  /** Looks at some entries, and forgets those whose time is over: they would hold others' room until they are the next to go. */
  #sweepSome(): void {
    this.#sweep = undefined
    const now = this.#clock.wallTime()
    let entry = this.#swept ?? this.#queues.after(undefined)
    for (let count = 0; entry !== undefined && count < MAX_SWEPT; count++) {
      const next = this.#queues.after(entry)
      if (entry.isOver(now)) this.#drop(entry)
      entry = next
    }
    this.#swept = entry
    if (this.#entries.size > 0) this.#sweep = this.#clock.schedule(SWEEP_INTERVAL_MS, () => this.#sweepSome())
  }
}
