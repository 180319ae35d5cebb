/**
 * Keeps responses in Redis or Valkey, for all processes together.
 *
 *     const store = redisStore({ client: new Redis('redis://localhost') })
 *     httpCache({ store: tieredStore({ memory: memoryStore(), behind: store }) })
 *
 * Redis that is away or hangs is a miss within `timeoutMs`, and then at once: no request fails because of it.
 */
import type { Clock, ScheduledCall } from '@sluice/wire'
import { cacheEntryCorrupt } from '../../events.ts'
import { sealed, unsealed } from '../chunk-check.ts'
import type { PieceReader } from '../piece-source.ts'
import type {
  CacheLease,
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
import { readEntry, RedisEntry } from './redis-entry.ts'
import { PurgeFeed } from './redis-feed.ts'
import { RedisKeys } from './redis-keys.ts'
import { RedisLeases } from './redis-leases.ts'
import { isOtherType, RedisLink, type Script } from './redis-link.ts'
import { type RedisPlan, type RedisStoreOptions, resolveRedisOptions } from './redis-options.ts'
import { RedisPurges } from './redis-purge.ts'
import { DELETE, GENERATION, GET, PUBLISH, TIDY, UPDATE } from './redis-scripts.ts'
import { RedisWriter } from './redis-writer.ts'

/** Chunks of what has not been published go after so long. */
const UNPUBLISHED_MS = 600_000
const TIDY_INTERVAL_MS = 60_000
const MAX_TIDIED = 1_000
const CHECK_INTERVAL_MS = 2_000

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function redisStore(options: RedisStoreOptions): (services: CacheStoreServices) => RedisStore {
  const plan = resolveRedisOptions(options)
  return (services) => new RedisStore(plan, services)
}

/** See {@link redisStore}. */
export class RedisStore implements CacheStore {
  readonly kind = 'redis'
  readonly #plan: RedisPlan
  readonly #clock: Clock
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #feed: PurgeFeed
  readonly #purges: RedisPurges
  readonly #leases: RedisLeases
  readonly #publishing = new Set<Promise<void>>()
  readonly #pending: PendingBytes
  #entries = 0
  #corrupt = 0
  #tidy: ScheduledCall | undefined = undefined
  #check: ScheduledCall | undefined = undefined

  constructor(plan: RedisPlan, { clock }: CacheStoreServices) {
    this.#plan = plan
    this.#pending = new PendingBytes(plan.maxPendingBytes)
    this.#clock = clock
    this.#link = new RedisLink(plan, clock, () => this.#recovered())
    this.#keys = new RedisKeys(plan.prefix)
    this.#feed = new PurgeFeed(clock, () => void this.#catchUp())
    this.#purges = new RedisPurges(this.#link, this.#keys, this.#feed)
    this.#leases = new RedisLeases(this.#link, this.#keys, clock, this.#publishing)
    this.#feed.listen(plan.client, this.#keys.channel)
    this.#tidyLater()
    this.#checkLater()
  }

  get generation(): number {
    return this.#feed.known
  }

  get(key: string): undefined | Promise<StoredEntry | undefined> {
    return this.#link.canAsk('get') && !this.#purges.isBehind ? this.#get(key) : undefined
  }

  put(
    key: string,
    head: EntryHead,
    bodyBytes: number | undefined,
    generation: number = this.generation,
  ): EntryWriter | undefined {
    const { chunkBytes, maxEntryBytes } = this.#plan
    // Asked for when nobody could say what had been purged: nor can anybody say what was since.
    if (generation === 0 || (bodyBytes ?? 0) > maxEntryBytes || !this.#link.canAsk('put')) return undefined
    const fence = this.#leases.fenceOf(key)
    return new RedisWriter(
      {
        chunkBytes,
        maxBodyBytes: maxEntryBytes,
        pending: this.#pending,
        send: async (number, chunk) => {
          const command = ['set', this.#keys.chunk(head.id, number), chunk, 'PX', UNPUBLISHED_MS]
          await this.#link.call('put', [command], this.#plan.writeTimeoutMs)
        },
        publish: async (...body) => await this.#publish(key, head, body, generation, fence),
        done: (publishing) => this.#wait(publishing),
      },
      bodyBytes,
    )
  }

  update(key: string, id: string, head: EntryHead, generation: number = this.generation): void {
    if (generation === 0 || !this.#link.canAsk('update')) return
    const args = [this.#keys.nameOf(key), id, sealedHead(head), this.#lifeOf(head), Math.ceil(head.expiresAt), head.url]
    this.#wait(this.#write('update', UPDATE, [...args, this.#tagsOf(head), generation]))
  }

  delete(key: string, id = ''): void {
    if (this.#link.canAsk('delete')) this.#wait(this.#write('delete', DELETE, [this.#keys.nameOf(key), id]))
  }

  /** Rejects where Redis can't be asked: what it holds is still there for others, and will go as soon as this process can ask again. */
  async purge(selector: PurgeSelector, options: PurgeOptions = {}): Promise<number> {
    // What this process has committed is on its way, and is meant.
    await Promise.allSettled(this.#publishing)
    return await this.#purges.purge(selector, options.soft ?? false, this.#clock.wallTime())
  }

  onPurge(listener: (selector: PurgeSelector, options: PurgeOptions) => void): () => void {
    return this.#feed.onPurge(listener)
  }

  async lease(key: string, waitMs: number): Promise<CacheLease | undefined> {
    return await this.#leases.take(key, waitMs)
  }

  /** Entries are those of all processes, when this one wrote last; bytes are those that wait to be written. */
  snapshot(): CacheStoreSnapshot {
    return {
      kind: this.kind,
      up: this.#link.isUp,
      entries: this.#entries,
      bytes: this.#pending.count,
      maxBytes: this.#plan.maxPendingBytes,
      evictions: 0,
      corrupt: this.#corrupt,
      failures: this.#link.failures,
    }
  }

  /** What is committed is still written. The client stays yours. */
  async close(): Promise<void> {
    this.#tidy?.cancel()
    this.#check?.cancel()
    await Promise.allSettled(this.#publishing)
    this.#leases.close()
    this.#link.close()
    this.#feed.close()
  }

  async #get(key: string): Promise<StoredEntry | undefined> {
    const name = this.#keys.nameOf(key)
    let answer: Buffer[]
    const { known } = this.#feed
    try {
      answer = (await this.#link.run('get', GET, [this.#keys.prefix], [name])) as Buffer[]
    } catch (error) {
      if (isOtherType(error)) this.#spoilt(key)
      return undefined
    }
    this.#feed.seen(Number(answer[0]), known)
    if (answer.length === 1) return undefined
    const raw = answer.length > 2 ? readEntry(answer) : undefined
    if (raw !== undefined) return new RedisEntry(raw, this.#chunksOf(key, raw.head.id))
    // Without its id: what stands there has none to go by.
    this.#spoilt(key)
    return undefined
  }

  #chunksOf(key: string, id: string): PieceReader {
    const read = async (number: number): Promise<Buffer> => {
      const [bytes] = await this.#link.call('get', [['getBuffer', this.#keys.chunk(id, number)]])
      const chunk = bytes === null ? undefined : unsealed(bytes as Buffer)
      if (chunk !== undefined) return chunk
      this.#spoilt(key, id)
      throw new Error(`chunk ${number} is ${bytes === null ? 'gone' : 'damaged'}`)
    }
    return { pieceBytes: this.#plan.chunkBytes, read }
  }

  #spoilt(key: string, id?: string): void {
    this.#corrupt++
    if (cacheEntryCorrupt.hasSubscribers) cacheEntryCorrupt.publish({ store: this.kind, key })
    this.delete(key, id)
  }

  async #publish(
    key: string,
    head: EntryHead,
    [bodyBytes, chunks, body]: readonly [bodyBytes: number, chunks: number, body: Buffer | undefined],
    generation: number,
    fence: number,
  ): Promise<void> {
    const life = this.#lifeOf(head)
    if (life <= 0) return
    const args = [this.#keys.nameOf(key), head.id, sealedHead(head), bodyBytes, chunks, body ?? '', life]
    const rest = [Math.ceil(head.expiresAt), head.url, this.#tagsOf(head), generation, fence]
    const { known } = this.#feed
    const answer = (await this.#write('put', PUBLISH, [...args, ...rest])) as [Buffer, Buffer, number]
    this.#feed.seen(Number(answer[1]), known)
    this.#entries = answer[2]
  }

  async #write(
    operation: 'put' | 'update' | 'delete',
    script: Script,
    args: (string | number | Buffer)[],
  ): Promise<unknown> {
    return await this.#link.run(operation, script, [this.#keys.prefix], args, this.#plan.writeTimeoutMs)
  }

  /** In whole milliseconds, as Redis wants them; a bound that no clock reaches for what never ends. */
  #lifeOf(head: EntryHead): number {
    return Math.ceil(Math.min(head.expiresAt - this.#clock.wallTime(), 1e13))
  }

  #tagsOf(head: EntryHead): string {
    return JSON.stringify([...new Set(head.tags)].map((tag) => this.#keys.tag(tag)))
  }

  /** What goes wrong has been told by the link. */
  #wait(work: Promise<unknown>): void {
    const waiting = settled(work)
    this.#publishing.add(waiting)
    void waiting.finally(() => this.#publishing.delete(waiting))
  }

  #recovered(): void {
    this.#leases.recovered()
    void this.#purges.catchUp()
    void this.#catchUp()
  }

  async #catchUp(): Promise<void> {
    const { known } = this.#feed
    try {
      this.#feed.caughtUp(await this.#generation(), known)
    } catch {
      // Told already; a look-up will show whether something was missed.
    }
  }

  async #generation(): Promise<number> {
    return Number(await this.#link.run('get', GENERATION, [this.#keys.prefix], []))
  }

  /** Where all is answered in front, nothing else would show that purges are not told any more. */
  #checkLater(): void {
    this.#check = this.#clock.schedule(CHECK_INTERVAL_MS, () => {
      this.#checkLater()
      const { known } = this.#feed
      if (this.#link.isUp)
        this.#generation().then(
          (generation) => this.#feed.seen(generation, known),
          () => {},
        )
    })
  }

  #tidyLater(): void {
    this.#tidy = this.#clock.schedule(TIDY_INTERVAL_MS, () => {
      this.#tidyLater()
      if (this.#link.canAsk('delete')) this.#write('delete', TIDY, [MAX_TIDIED]).catch(() => {})
    })
  }
}

function sealedHead(head: EntryHead): Buffer {
  return sealed(Buffer.from(JSON.stringify(head)))
}

async function settled(work: Promise<unknown>): Promise<void> {
  await Promise.allSettled([work])
}
