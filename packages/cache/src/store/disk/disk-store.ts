/**
 * Keeps responses in files, for one process: they survive its end, however it ends.
 *
 *     httpCache({ store: tieredStore({ memory: memoryStore(), behind: diskStore({ directory: '/var/cache/sluice' }) }) })
 *
 * An entry takes its place by one rename, when its body is whole: what is found is never torn. Every block that is read is checked
 * all the same.
 */
import type { Clock, ScheduledCall } from '@sluice/wire'
import { unsealed } from '../chunk-check.ts'
import type {
  CacheStore,
  CacheStoreServices,
  CacheStoreSnapshot,
  EntryHead,
  EntryWriter,
  PurgeOptions,
  PurgeSelector,
  StoredEntry,
} from '../store.ts'
import { PendingBytes } from '../write-limits.ts'
import { DamagedError } from './block-reader.ts'
import { DirectoryLock } from './directory-lock.ts'
import { DiskEntry, type DiskPlace } from './disk-entry.ts'
import { isMissing } from './disk-files.ts'
import { nameOfKey } from './disk-layout.ts'
import { type DiskPlan, type DiskStoreOptions, resolveDiskOptions } from './disk-options.ts'
import { oldBodies, scanDirectory } from './disk-scan.ts'
import { DiskShelf } from './disk-shelf.ts'
import { DiskWriter } from './disk-writer.ts'
import { decodeHead, type HeadRecord } from './head-file.ts'

/** A directory that can't be used is tried again after so long. */
const REOPEN_MS = 10_000
const SWEEP_INTERVAL_MS = 5_000
const MAX_SWEPT = 1_000
/** Responses that are on their way at once, each of which may have a file open. */
const MAX_WRITERS = 512
/** So often an entry may be replaced while it is read. */
const MAX_TRIES = 3

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function diskStore(options: DiskStoreOptions): (services: CacheStoreServices) => DiskStore {
  const plan = resolveDiskOptions(options)
  return (services) => new DiskStore(plan, services)
}

/** See {@link diskStore}. */
export class DiskStore implements CacheStore {
  readonly kind = 'disk'
  readonly #plan: DiskPlan
  readonly #clock: Clock
  readonly #shelf: DiskShelf
  readonly #lock = new DirectoryLock()
  readonly #pending: PendingBytes
  #writers = 0
  #isOpen = false
  #isClosed = false
  /** Whether the index knows of everything that is there. */
  #isComplete = false
  #timer: ScheduledCall | undefined = undefined
  #swept: DiskPlace | undefined = undefined

  constructor(plan: DiskPlan, services: CacheStoreServices) {
    this.#plan = plan
    this.#clock = services.clock
    this.#pending = new PendingBytes(plan.maxPendingBytes)
    this.#shelf = new DiskShelf(plan, services)
    this.#shelf.keepBusy(this.#open())
  }

  get generation(): number {
    return this.#shelf.purges.count
  }

  get(key: string): undefined | Promise<StoredEntry | undefined> {
    if (!this.#isOpen) return undefined
    const name = nameOfKey(key)
    const place = this.#used(name)
    return place === undefined && this.#isComplete ? undefined : this.#read(key, name)
  }

  put(
    key: string,
    head: EntryHead,
    bodyBytes: number | undefined,
    generation: number = this.generation,
  ): EntryWriter | undefined {
    if ((bodyBytes ?? 0) > this.#plan.maxEntryBytes || this.#writers >= MAX_WRITERS) return undefined
    if (!this.#isOpen || this.#isClosed || !this.#shelf.canWrite) return undefined
    this.#writers++
    return new DiskWriter(
      {
        maxBodyBytes: this.#plan.maxEntryBytes,
        sync: this.#plan.sync,
        bodyPath: (name) => this.#shelf.files.layout.body(name),
        reserve: (bytes) => this.#shelf.index.reserve(bytes),
        release: (bytes) => this.#shelf.index.release(bytes),
        pending: this.#pending,
        failed: (error) => this.#shelf.failed('put', error),
        isClosed: () => this.#isClosed,
        publish: async (finish) => await this.#shelf.publish(key, head, generation, finish),
        removeBody: (name) => this.#shelf.files.discardBody(name),
        busy: (work) => this.#shelf.keepBusy(work.finally(() => this.#writers--)),
      },
      bodyBytes,
    )
  }

  update(key: string, id: string, head: EntryHead, generation: number = this.generation): void {
    const name = nameOfKey(key)
    if (!this.#isOpen) return
    this.#shelf.keepBusy(
      this.#shelf.rewrite(name, id, (record) => {
        const verdict = this.#shelf.purges.verdict(generation, head)
        if (verdict === 'gone') return undefined
        const { staleSince: _old, ...rest } = record
        return { ...rest, head, ...(verdict === 'kept' ? {} : { staleSince: verdict }) }
      }),
    )
  }

  delete(key: string, id?: string): void {
    const name = nameOfKey(key)
    const place = this.#shelf.index.at(name)
    if (place !== undefined && (id === undefined || place.id === id)) this.#shelf.index.drop(place)
    // It may stand there unknown, or be about to.
    if (this.#isOpen && (!this.#isComplete || this.#shelf.hasTurn(name)))
      this.#shelf.keepBusy(this.#shelf.rewrite(name, id, () => undefined))
  }

  /**
   * Resolves when the files have changed: a process that is ended then does not find again what was purged. Rejects where a file could not be
   * removed: this process does not find it again, the next one may.
   */
  async purge(selector: PurgeSelector, options: PurgeOptions = {}): Promise<number> {
    return await this.#shelf.purge(selector, options.soft ?? false)
  }

  snapshot(): CacheStoreSnapshot {
    return {
      kind: this.kind,
      up: this.#isOpen,
      entries: this.#shelf.index.size,
      bytes: this.#shelf.index.bytes,
      maxBytes: this.#plan.maxBytes,
      evictions: this.#shelf.index.evictions,
      corrupt: this.#shelf.corrupt,
      failures: this.#shelf.failures,
    }
  }

  /** What is committed is still written. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    while (this.#shelf.busy.size > 0) await Promise.all(this.#shelf.busy)
    this.#isOpen = false
    this.#lock.release()
  }

  async #open(): Promise<void> {
    const { layout } = this.#shelf.files
    try {
      await layout.make()
      await this.#lock.take(this.#plan.directory)
      const bodies = await oldBodies(layout)
      if (this.#isClosed) return
      this.#isOpen = true
      this.#sweepLater()
      this.#shelf.keepBusy(this.#scan(bodies))
    } catch (error) {
      this.#shelf.failed('get', error as Error)
      if (!this.#isClosed) this.#timer = this.#clock.schedule(REOPEN_MS, () => this.#shelf.keepBusy(this.#open()))
    }
  }

  async #scan(bodies: Set<string>): Promise<void> {
    const isClosed = (): boolean => this.#isClosed
    try {
      await scanDirectory(this.#shelf.files.layout, bodies, {
        get isClosed() {
          return isClosed()
        },
        found: (name, record, bytes) => this.#shelf.found(name, record, bytes),
        damaged: (name, record) => this.#shelf.damaged(name, record),
      })
      this.#isComplete = !this.#isClosed
      this.#shelf.scanned()
    } catch (error) {
      // Look-ups go on as before: each asks the disk.
      this.#shelf.scanned()
      this.#shelf.failed('get', error as Error)
    }
  }

  #used(name: string): DiskPlace | undefined {
    return this.#shelf.at(name) === undefined ? undefined : this.#shelf.index.used(name)
  }

  async #read(key: string, name: string, tries = 0): Promise<StoredEntry | undefined> {
    let file: Buffer
    try {
      file = await this.#shelf.files.readHead(name)
    } catch (error) {
      if (!isMissing(error)) this.#shelf.failed('get', error as Error)
      return undefined
    }
    const decoded = decodeHead(file, key)
    const body = decoded?.sealedBody === undefined ? undefined : unsealed(decoded.sealedBody)
    const isWhole =
      decoded !== undefined && (decoded.record.body !== undefined || body?.length === decoded.record.bodyBytes)
    if (!isWhole) return this.#shelf.spoilt(name, key)
    if (this.#shelf.at(name) === undefined) {
      // Purged while it was read; or not known yet.
      if (this.#isComplete) return undefined
      this.#shelf.found(name, decoded.record, file.length)
    }
    const place = this.#used(name)
    if (place === undefined) return undefined
    if (place.id === decoded.record.head.id) return this.#entry(name, key, decoded.record, place, body)
    // Another has taken its place while it was read, or is about to; and may have been purged before that.
    await this.#shelf.turnOf(name)
    return tries < MAX_TRIES ? await this.#read(key, name, tries + 1) : undefined
  }

  #entry(name: string, key: string, record: HeadRecord, place: DiskPlace, bytes: Buffer | undefined): StoredEntry {
    const { body, bodyBytes, checks = [] } = record
    const path = body === undefined ? '' : this.#shelf.files.layout.body(body)
    const failed = (error: Error): void => {
      if (!isMissing(error) && !(error instanceof DamagedError)) this.#shelf.failed('get', error)
      else if (this.#shelf.index.at(name)?.body === body) this.#shelf.spoilt(name, key)
    }
    return new DiskEntry(record, place.staleSince, bytes, { path, length: bodyBytes, checks, failed })
  }

  #sweepLater(): void {
    this.#timer = this.#clock.schedule(SWEEP_INTERVAL_MS, () => {
      this.#swept = this.#shelf.index.sweep(this.#swept, MAX_SWEPT)
      this.#sweepLater()
    })
  }
}
