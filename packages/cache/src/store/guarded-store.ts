/** A store whose troubles stay here: what throws or rejects is told of, and is a miss, or is not kept. */
import { cacheStoreFailed, type CacheStoreFailedEvent } from '../events.ts'
import type {
  CacheLease,
  CacheStore,
  CacheStoreSnapshot,
  EntryHead,
  EntryWriter,
  PurgeOptions,
  PurgeSelector,
  StoredEntry,
} from './store.ts'

export class GuardedStore {
  readonly #store: CacheStore
  failures = 0

  constructor(store: CacheStore) {
    this.#store = store
  }

  get generation(): number {
    return this.#store.generation
  }

  /** Whether it is shared with other processes, which may be fetching the same. */
  get hasLeases(): boolean {
    return this.#store.lease !== undefined
  }

  get(key: string): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    try {
      const found = this.#store.get(key)
      return found instanceof Promise ? found.catch((error: unknown) => this.#failed('get', error)) : found
    } catch (error) {
      return this.#failed('get', error)
    }
  }

  put(key: string, head: EntryHead, bodyBytes: number | undefined, generation: number): EntryWriter | undefined {
    try {
      const writer = this.#store.put(key, head, bodyBytes, generation)
      return writer === undefined ? undefined : new GuardedWriter(writer, (error) => this.#failed('put', error))
    } catch (error) {
      return this.#failed('put', error)
    }
  }

  update(key: string, id: string, head: EntryHead, generation: number): void {
    try {
      this.#store.update(key, id, head, generation)
    } catch (error) {
      this.#failed('update', error)
    }
  }

  delete(key: string, id?: string): void {
    try {
      this.#store.delete(key, id)
    } catch (error) {
      this.#failed('delete', error)
    }
  }

  purge(selector: PurgeSelector, options: PurgeOptions): number | Promise<number> {
    try {
      const count = this.#store.purge(selector, options)
      return typeof count === 'number' ? count : count.catch((error: unknown) => this.#failed('purge', error) ?? 0)
    } catch (error) {
      return this.#failed('purge', error) ?? 0
    }
  }

  async lease(key: string, waitMs: number): Promise<CacheLease | undefined> {
    try {
      return await this.#store.lease?.(key, waitMs)
    } catch (error) {
      // Two processes that both fetch are better than none.
      this.#failed('lease', error)
      return NO_LEASE
    }
  }

  /** Tells of the purges of other processes. */
  onPurge(listener: (selector: PurgeSelector, options: PurgeOptions) => void): void {
    this.#store.onPurge?.(listener)
  }

  snapshot(): CacheStoreSnapshot {
    return this.#store.snapshot()
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  #failed(operation: CacheStoreFailedEvent['operation'], cause: unknown): undefined {
    this.failures++
    if (cacheStoreFailed.hasSubscribers) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      cacheStoreFailed.publish({ store: this.#store.kind, operation, error })
    }
    return undefined
  }
}

const NO_LEASE: CacheLease = Object.freeze({ release() {} })

class GuardedWriter implements EntryWriter {
  readonly #writer: EntryWriter
  readonly #failed: (error: unknown) => void
  #isBroken = false

  constructor(writer: EntryWriter, failed: (error: unknown) => void) {
    this.#writer = writer
    this.#failed = failed
  }

  write(chunk: Uint8Array): boolean {
    return this.#try(() => this.#writer.write(chunk)) ?? false
  }

  commit(): StoredEntry | undefined {
    return this.#try(() => this.#writer.commit())
  }

  abort(): void {
    this.#try(() => this.#writer.abort())
  }

  #try<T>(call: () => T): T | undefined {
    if (this.#isBroken) return undefined
    try {
      return call()
    } catch (error) {
      this.#isBroken = true
      this.#failed(error)
      return undefined
    }
  }
}
