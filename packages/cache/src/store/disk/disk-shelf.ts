/**
 * What stands on disk, with the index of it: entries take their place, change and leave here, each after the other under the same name.
 * Files are changed first and the index then, at once with a look at the purges that came meanwhile.
 */
import type { Clock } from '@sluice/wire'
import { cacheEntryCorrupt, cacheStoreFailed, type CacheStoreFailedEvent } from '../../events.ts'
import { PurgeLog } from '../purge-log.ts'
import type { CacheStoreServices, EntryHead, PurgeSelector } from '../store.ts'
import { AtOnce } from './at-once.ts'
import type { DiskPlace } from './disk-entry.ts'
import { DiskFiles } from './disk-files.ts'
import { DiskIndex } from './disk-index.ts'
import { DiskLayout, nameOfKey } from './disk-layout.ts'
import type { DiskPlan } from './disk-options.ts'
import { DiskPurges } from './disk-purges.ts'
import type { WrittenBody } from './disk-writer.ts'
import { decodeHead, type HeadFile, type HeadRecord } from './head-file.ts'
import { Turns } from './turns.ts'

/** After a failed write nothing is written for so long: a full disk is not asked for each response whether it still is. */
const PAUSE_MS = 1_000
/** Heads that are marked at the same time, each with a file open: a soft purge may want that of very many. */
const MAX_MARKS = 8

type Change = (record: HeadRecord) => HeadRecord | undefined

export class DiskShelf {
  readonly files: DiskFiles
  readonly index: DiskIndex
  readonly purges: PurgeLog = new PurgeLog()
  /** What goes on. */
  readonly busy: Set<Promise<unknown>> = new Set()
  readonly #clock: Clock
  readonly #turns = new Turns()
  readonly #purging: DiskPurges
  readonly #marks = new AtOnce(MAX_MARKS)
  /** What has left while the directory is scanned: what was read of it before must not bring it back. */
  #left: Set<string> | undefined = new Set()
  #pausedUntil = Number.NEGATIVE_INFINITY
  corrupt = 0
  failures = 0
  /** Heads that had to go, and could not be removed. */
  unremoved = 0

  constructor(plan: DiskPlan, services: CacheStoreServices) {
    this.#clock = services.clock
    this.files = new DiskFiles(new DiskLayout(plan.directory), services.clock, plan.maxBytes, plan.sync)
    this.index = new DiskIndex(plan, services, (place, withHead) => this.#remove(place, withHead))
    this.#purging = new DiskPurges(this.index, (place, staleSince) => this.#mark(place, staleSince))
  }

  get canWrite(): boolean {
    return this.#clock.now() >= this.#pausedUntil
  }

  /** Of the last time. Since the scan has read it, it may have been replaced or purged. */
  found(name: string, record: HeadRecord, fileBytes: number): void {
    const place = this.index.at(name)
    if (place !== undefined || this.#left?.has(name) === true) {
      if (record.body !== place?.body) this.#discard(record.body)
      return
    }
    const verdict = this.purges.verdict(0, record.head)
    const isOver = record.head.expiresAt <= this.#clock.wallTime()
    const entered = this.index.enter(name, record, fileBytes)
    if (isOver || verdict === 'gone') this.index.drop(entered)
    else if (verdict !== 'kept') entered.staleSince = verdict
  }

  /** As the scan has read it: since then another may have come, or be about to, or it may have left. */
  damaged(name: string, record: HeadRecord | undefined): void {
    const place = this.index.at(name)
    const isOther = place === undefined ? this.#left?.has(name) === true : place.body !== record?.body
    if (!isOther && !this.#turns.has(name)) this.spoilt(name)
  }

  /** Nothing that was there at the start comes in any more. */
  scanned(): void {
    this.#left = undefined
  }

  /** An entry's place, with what was purged by now. */
  at(name: string): DiskPlace | undefined {
    const place = this.index.at(name)
    if (place !== undefined) this.#purging.meet(place)
    return this.index.at(name)
  }

  /** Resolves with how many it hit, when what is on disk has changed; rejects where it could not be. */
  async purge(selector: PurgeSelector, isSoft: boolean): Promise<number> {
    const now = this.#clock.wallTime()
    const { unremoved } = this
    this.purges.add(selector, isSoft, now)
    const finding = this.#purging.purge(selector, isSoft ? now : undefined)
    this.keepBusy(finding)
    const hits = await finding
    await Promise.all(this.busy)
    if (this.unremoved > unremoved) throw new Error('a file could not be removed')
    return hits
  }

  /** Work that fails before it comes here has told of it. */
  publish(key: string, head: EntryHead, generation: number, finish: () => Promise<WrittenBody>): Promise<void> {
    const name = nameOfKey(key)
    return this.#turns.run(name, async () => {
      const written = await finish()
      const { bodyBytes, sealedBody, body, checks } = written
      const isOver = head.expiresAt <= this.#clock.wallTime()
      if (isOver || this.purges.verdict(generation, head) === 'gone' || !this.canWrite) return this.#discard(body)
      const where = body === undefined ? {} : { body, checks: checks! }
      const record: HeadRecord = { version: 1, key, head, bodyBytes, ...where }
      try {
        const bytes = await this.files.writeHead(name, record, sealedBody)
        written.release()
        this.#enter(name, record, bytes, generation)
      } catch (error) {
        this.#discard(body)
        this.failed('put', error as Error)
      }
    })
  }

  /** A body that no head speaks of. */
  #discard(body: string | undefined): void {
    if (body !== undefined) this.files.discardBody(body)
  }

  /** It is in its place. Purges until now mean it; those that come later will find it. */
  #enter(name: string, record: HeadRecord, fileBytes: number, generation: number): void {
    const verdict = this.purges.verdict(generation, record.head)
    const place = this.index.enter(name, record, fileBytes)
    if (verdict === 'gone') this.index.drop(place)
    else if (verdict !== 'kept') {
      place.staleSince = verdict
      this.#mark(place, verdict)
    }
  }

  /**
   * Changes what stands under a name, if it is this entry; nothing in its place means that it goes. So it does with `orDrop` where the change
   * can't be written.
   */
  rewrite(name: string, id: string | undefined, change: Change, orDrop = false): Promise<void> {
    return this.#turns.run(name, async () => await this.#rewrite(name, id, change, orDrop))
  }

  async #rewrite(name: string, id: string | undefined, change: Change, orDrop: boolean): Promise<void> {
    const decoded = await this.#decoded(name)
    if (decoded === undefined && orDrop) {
      const place = this.index.at(name)
      if (place !== undefined && place.id === id) this.index.drop(place)
    }
    if (decoded === undefined || (id !== undefined && decoded.record.head.id !== id)) return
    const generation = this.purges.count
    const record = change(decoded.record)
    const place = this.at(name)
    if (record === undefined) {
      if (place !== undefined) return this.index.drop(place)
      this.#left?.add(name)
      this.#discard(decoded.record.body)
      return await this.#headRemoved(name)
    }
    // Let go since: its files are about to.
    if (place === undefined) return
    try {
      const bytes = await this.files.writeHead(name, record, decoded.sealedBody)
      // Let go meanwhile: the file goes in its turn.
      if (this.index.at(name) !== place) return
      this.#enter(name, record, bytes, generation)
    } catch (error) {
      this.failed('update', error as Error)
      if (orDrop) this.index.drop(place)
    }
  }

  /** A purge that can't be noted on disk would be undone by a restart. */
  #mark(place: DiskPlace, staleSince: number): void {
    const { key, id } = place
    // What was renewed meanwhile is not stale any more.
    const change = (record: HeadRecord): HeadRecord =>
      this.index.at(key)?.staleSince === staleSince ? { ...record, staleSince } : record
    this.keepBusy(this.#marks.run(async () => await this.rewrite(key, id, change, true)))
  }

  /** Whether something is being done under this name. */
  hasTurn(name: string): boolean {
    return this.#turns.has(name)
  }

  /** Resolves when what is being done under this name is done. */
  async turnOf(name: string): Promise<void> {
    await this.#turns.last(name)
  }

  async #decoded(name: string): Promise<HeadFile | undefined> {
    try {
      return decodeHead(await this.files.readHead(name))
    } catch {
      return undefined
    }
  }

  /** It has left the index. */
  #remove(place: DiskPlace, withHead: boolean): void {
    if (withHead) this.#left?.add(place.key)
    const headGone = withHead ? this.#removeHead(place.key) : Promise.resolve()
    if (place.body === undefined) return
    const bytes = this.files.removeBody(place, place.body, headGone, (bytes) => this.index.release(bytes))
    if (bytes > 0) this.index.hold(bytes)
  }

  #removeHead(name: string): Promise<void> {
    const removal = this.#turns.run(name, async () => {
      // By its turn another may stand there.
      if (this.index.at(name) === undefined) await this.#headRemoved(name)
    })
    this.keepBusy(removal)
    return removal
  }

  async #headRemoved(name: string): Promise<void> {
    try {
      await this.files.removeHead(name)
    } catch (error) {
      this.unremoved++
      this.failed('delete', error as Error)
    }
  }

  /** It can't be read. */
  spoilt(name: string, key = ''): undefined {
    this.corrupt++
    if (cacheEntryCorrupt.hasSubscribers) cacheEntryCorrupt.publish({ store: 'disk', key })
    const place = this.index.at(name)
    if (place !== undefined) this.index.drop(place)
    else void this.#removeHead(name)
  }

  failed(operation: CacheStoreFailedEvent['operation'], error: Error): void {
    this.failures++
    if (operation !== 'get') this.#pausedUntil = this.#clock.now() + PAUSE_MS
    if (cacheStoreFailed.hasSubscribers) cacheStoreFailed.publish({ store: 'disk', operation, error })
  }

  keepBusy(work: Promise<unknown>): void {
    this.busy.add(work)
    void work.finally(() => this.busy.delete(work))
  }
}
