/** A store whose troubles stay here: what throws or rejects is told of, and is a miss, or is not kept. */
import { InternalError } from '@sluice/core'
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

/** A writer that takes text, whatever its store takes. */
export type TextWriter = Required<EntryWriter>

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

  put(key: string, head: EntryHead, bodyBytes: number | undefined, generation: number): TextWriter | undefined {
    try {
      const writer = this.#store.put(key, head, bodyBytes, generation)
      return writer === undefined ? undefined : new GuardedWriter(writer, this)
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

  /**
   * The one trouble that does not stay here: whoever purges has to know that something may still be there.
   * @throws {InternalError} `ERR_SLUICE_PURGE_FAILED`
   */
  purge(selector: PurgeSelector, options: PurgeOptions): number | Promise<number> {
    try {
      const count = this.#store.purge(selector, options)
      return typeof count === 'number' ? count : count.catch((error: unknown) => this.#purgeFailed(error))
    } catch (error) {
      return this.#purgeFailed(error)
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

  /** @internal */
  putFailed(error: unknown): void {
    this.#failed('put', error)
  }

  #purgeFailed(cause: unknown): never {
    this.#failed('purge', cause)
    throw new InternalError('ERR_SLUICE_PURGE_FAILED', { cause })
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

/** Its methods are called for each response: no closures in between. */
class GuardedWriter implements TextWriter {
  readonly #writer: EntryWriter
  readonly #store: WriteFailures
  #isBroken = false

  constructor(writer: EntryWriter, store: WriteFailures) {
    this.#writer = writer
    this.#store = store
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isBroken) return false
    try {
      return this.#writer.write(chunk)
    } catch (error) {
      return this.#giveUp(error)
    }
  }

  writeText(text: string): boolean {
    if (this.#isBroken) return false
    try {
      return this.#writer.writeText?.(text) ?? this.#writer.write(Buffer.from(text, 'latin1'))
    } catch (error) {
      return this.#giveUp(error)
    }
  }

  commit(): void {
    if (this.#isBroken) return
    try {
      this.#writer.commit()
    } catch (error) {
      this.#broke(error)
    }
  }

  abort(): void {
    if (this.#isBroken) return
    try {
      this.#writer.abort()
    } catch (error) {
      this.#broke(error)
    }
  }

  /** What it holds for this entry is of no use any more. */
  #giveUp(error: unknown): false {
    this.#broke(error)
    try {
      this.#writer.abort()
    } catch {
      // It has been told of already.
    }
    return false
  }

  #broke(error: unknown): void {
    this.#isBroken = true
    this.#store.putFailed(error)
  }
}

/** Who is told of what goes wrong while it is written. */
interface WriteFailures {
  putFailed(error: unknown): void
}
