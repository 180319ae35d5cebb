/**
 * Memory in front of another store: what is asked for often is answered at once, what is shared or has to last stands behind.
 *
 *     tieredStore({ memory: memoryStore({ maxBytes: 64 * 1024 * 1024 }), behind: redisStore({ client }) })
 *
 * What is found behind comes to the front on its way to the client. Purges go through both, and those of other processes, of which the
 * store behind tells, go through the front.
 */
import { ConfigError } from '@sluice/core'
import { functionOption, type OptionNames, strictOption } from '@sluice/core/options'
import type { Clock } from '@sluice/wire'
import { madeStore } from '../made-store.ts'
import type { MemoryStore } from '../memory/memory-store.ts'
import type {
  CacheLease,
  CacheStore,
  CacheStoreFactory,
  CacheStoreServices,
  CacheStoreSnapshot,
  EntryHead,
  EntryWriter,
  PurgeOptions,
  PurgeSelector,
  StoredEntry,
} from '../store.ts'
import { Changes } from './changes.ts'
import { Generations } from './generations.ts'
import { PromotedEntry } from './promoted-entry.ts'
import { TieredWriter } from './tiered-writer.ts'

/** Options of {@link tieredStore}. */
export interface TieredStoreOptions {
  /** The store in front: a `memoryStore`, which this one has for itself. */
  readonly memory: (services: CacheStoreServices) => MemoryStore
  /** The store behind: a `redisStore`, a `diskStore`, or one of your own. */
  readonly behind: CacheStoreFactory
}

const NAMES: OptionNames<TieredStoreOptions> = {
  memory: true,
  behind: true,
}

/** When something was asked for. */
interface Moment {
  /** That of the store in front. */
  readonly generation: number
  /** `undefined` where something is changing. */
  readonly changes: number | undefined
}

interface Asking extends Moment {
  readonly found: Promise<StoredEntry | undefined>
}

/** Whether nothing has happened in between. */
function isSame(a: Moment, b: Moment): boolean {
  return a.generation === b.generation && a.changes === b.changes && a.changes !== undefined
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function tieredStore(options: TieredStoreOptions): (services: CacheStoreServices) => TieredStore {
  strictOption(options, NAMES, 'tieredStore')
  for (const name of ['memory', 'behind'] as const)
    if (functionOption(options[name], `tieredStore.${name}`) === undefined)
      throw new ConfigError(`tieredStore.${name}`, 'must be a store')
  return (services) =>
    new TieredStore(
      madeStore(options.memory, services, 'tieredStore.memory'),
      madeStore(options.behind, services, 'tieredStore.behind'),
      services.clock,
    )
}

/** See {@link tieredStore}. */
export class TieredStore implements CacheStore {
  readonly kind = 'tiered'
  readonly #memory: MemoryStore
  readonly #behind: CacheStore
  readonly #generations: Generations
  /** Look-ups behind that are under way: one for each key is enough, as long as nothing changes there. */
  readonly #asking = new Map<string, Asking>()
  readonly #changes: Changes
  readonly #forget: (() => void) | undefined
  /** That of the store behind, where it has one. */
  readonly lease?: (key: string, waitMs: number) => Promise<CacheLease | undefined>

  constructor(memory: MemoryStore, behind: CacheStore, clock: Clock) {
    this.#changes = new Changes(clock)
    this.#memory = memory
    this.#behind = behind
    this.#generations = new Generations(memory, behind)
    if (behind.lease !== undefined) this.lease = behind.lease.bind(behind)
    this.#forget = behind.onPurge?.((selector, options) => {
      memory.purge(selector, options)
      this.#generations.note()
    })
  }

  get generation(): number {
    return this.#generations.current
  }

  get(key: string): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    const entry = this.#memory.get(key)
    if (entry !== undefined) return entry
    const moment: Moment = { generation: this.#memory.generation, changes: this.#changes.count(key) }
    const asking = this.#asking.get(key)
    if (asking !== undefined && isSame(asking, moment)) return asking.found
    const found = this.#behind.get(key)
    if (!(found instanceof Promise)) return found === undefined ? undefined : this.#promoted(key, found, moment)
    const next: Asking = { ...moment, found: found.then((entry) => entry && this.#promoted(key, entry, moment)) }
    this.#asking.set(key, next)
    const forget = (): void => {
      if (this.#asking.get(key) === next) this.#asking.delete(key)
    }
    next.found.then(forget, forget)
    return next.found
  }

  put(
    key: string,
    head: EntryHead,
    bodyBytes: number | undefined,
    generation: number = this.generation,
  ): EntryWriter | undefined {
    const behindGeneration = this.#generations.behind(generation)
    // Asked for so long ago that nobody knows what was purged since.
    if (behindGeneration === undefined) return undefined
    const front = this.#memory.put(key, head, bodyBytes, generation)
    const back = this.#behind.put(key, head, bodyBytes, behindGeneration)
    if (front === undefined && back === undefined) return undefined
    return new TieredWriter(front, back, [this.#memory, this.#behind], key, this.#changes)
  }

  update(key: string, id: string, head: EntryHead, generation: number = this.generation): void {
    const behindGeneration = this.#generations.behind(generation)
    if (behindGeneration === undefined) return this.delete(key, id)
    if (this.#memory.get(key) === undefined) this.#changes.noteBehind(key)
    else this.#changes.note(key)
    this.#memory.update(key, id, head, generation)
    this.#behind.update(key, id, head, behindGeneration)
  }

  delete(key: string, id?: string): void {
    this.#changes.noteBehind(key)
    this.#memory.delete(key, id)
    this.#behind.delete(key, id)
  }

  /** Rejects where the store behind does: in front it has taken effect all the same. */
  async purge(selector: PurgeSelector, options: PurgeOptions = {}): Promise<number> {
    const front = this.#memory.purge(selector, options)
    let back: number | Promise<number>
    try {
      back = this.#behind.purge(selector, options)
    } finally {
      this.#generations.note()
    }
    return Math.max(front, await back)
  }

  /** Those of which the store behind tells; the front has followed by then. */
  onPurge(listener: (selector: PurgeSelector, options: PurgeOptions) => void): () => void {
    return this.#behind.onPurge?.(listener) ?? (() => {})
  }

  /** Sums of both; entries are those behind, most of which stand in front too. */
  snapshot(): CacheStoreSnapshot {
    const [front, back] = [this.#memory.snapshot(), this.#behind.snapshot()]
    return {
      kind: this.kind,
      up: back.up,
      entries: Math.max(front.entries, back.entries),
      bytes: front.bytes + back.bytes,
      maxBytes: front.maxBytes + back.maxBytes,
      evictions: front.evictions + back.evictions,
      corrupt: front.corrupt + back.corrupt,
      failures: front.failures + back.failures,
      tiers: [front, back],
    }
  }

  async close(): Promise<void> {
    this.#forget?.()
    await Promise.all([this.#memory.close(), this.#behind.close()])
  }

  /** What is stale by a purge stays where it is: the next response takes its place in both. */
  #promoted(key: string, entry: StoredEntry, { generation, changes }: Moment): StoredEntry {
    // Written since it was asked for.
    const standing = this.#memory.get(key)
    if (standing !== undefined) return standing
    const isCurrent = (): boolean => changes !== undefined && this.#changes.count(key) === changes
    if (entry.staleSince !== undefined || !isCurrent()) return entry
    const begin = (): EntryWriter | undefined =>
      isCurrent() && this.#memory.get(key) === undefined
        ? this.#memory.put(key, entry.head, entry.bodyBytes, generation)
        : undefined
    if (entry.bytes === undefined) return new PromotedEntry(entry, begin, isCurrent)
    const writer = begin()
    writer?.write(entry.bytes)
    writer?.commit()
    return this.#memory.get(key) ?? entry
  }
}
