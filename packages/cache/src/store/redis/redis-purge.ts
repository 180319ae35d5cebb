/**
 * Purges in Redis: first the purge is counted, remembered and told, then it is done to what stands there, some at a time, so that Redis
 * is never held up. What is published meanwhile finds it among those remembered; and it is told again at the end, for what stands in
 * front of Redis and has fetched something in between.
 *
 * A purge that Redis could not be told of is told to whoever asked for it, and is done once Redis can be asked again: before that, this process
 * looks nothing up there.
 */
import type { PurgeSelector } from '../store.ts'
import { type PurgeFeed, toldPurge } from './redis-feed.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { RedisLink } from './redis-link.ts'
import { LOG_PURGE, PURGE_NAMES } from './redis-scripts.ts'

const BATCH = 500
/** Of more that could not be done, everything is purged. */
const MAX_MISSED = 1_000

interface Purge {
  readonly selector: PurgeSelector
  readonly isSoft: boolean
  readonly wallTime: number
}

export class RedisPurges {
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #feed: PurgeFeed
  #missed: Purge[] = []
  #isCatchingUp = false

  constructor(link: RedisLink, keys: RedisKeys, feed: PurgeFeed) {
    this.#link = link
    this.#keys = keys
    this.#feed = feed
  }

  /** Whether something stands in Redis that was to be purged. */
  get isBehind(): boolean {
    return this.#missed.length > 0
  }

  /** Rejects where Redis can't be told; it is done later then. */
  async purge(selector: PurgeSelector, isSoft: boolean, wallTime: number): Promise<number> {
    const purge: Purge = { selector: wellFormed(selector), isSoft, wallTime }
    try {
      return await this.#purge(purge)
    } catch (error) {
      if (this.#missed.length >= MAX_MISSED) this.#missed = [{ selector: { all: true }, isSoft: false, wallTime }]
      else this.#missed.push(purge)
      throw error
    }
  }

  /** Does what could not be done, until it can't be done again. */
  async catchUp(): Promise<void> {
    if (this.#isCatchingUp) return
    this.#isCatchingUp = true
    try {
      for (let purge = this.#missed[0]; purge !== undefined; purge = this.#missed[0]) {
        await this.#purge(purge)
        const done = purge
        this.#missed = this.#missed.filter((each) => each !== done)
      }
    } catch {
      // The link is down again, and will tell when it is not.
    } finally {
      this.#isCatchingUp = false
    }
  }

  async #purge({ selector, isSoft, wallTime }: Purge): Promise<number> {
    const purge = toldPurge(selector, isSoft, wallTime)
    // Scripts know tags by their keys.
    const keys = 'tags' in selector ? selector.tags.map((tag) => this.#keys.tag(tag)) : []
    const text = JSON.stringify({ ...purge, keys })
    const log = async (): Promise<number> => {
      const generation = Number(await this.#run(LOG_PURGE, [text]))
      this.#feed.done(generation, purge)
      return generation
    }
    const generation = await log()
    let hits = 0
    let batches = 0
    for await (const names of this.#names(selector)) {
      if (names.length === 0) continue
      hits += Number(await this.#run(PURGE_NAMES, [generation, isSoft ? wallTime : '', ...names]))
      batches++
    }
    if (batches > 0) await log()
    return hits
  }

  async #run(script: typeof LOG_PURGE, args: readonly (string | number)[]): Promise<unknown> {
    return await this.#link.run('purge', script, [this.#keys.prefix], args, this.#link.plan.writeTimeoutMs)
  }

  #names(selector: PurgeSelector): AsyncGenerator<string[]> {
    // In the order of bytes, a URL's entries lie between its line's end and the next character; what a prefix begins, before the
    // highest byte, which UTF-8 never has.
    if ('url' in selector) return this.#ofRange(`[${selector.url}\n`, Buffer.from(`(${selector.url}\x0b`))
    if ('tags' in selector) return this.#ofTags(selector.tags)
    if ('all' in selector || selector.prefix === '') return this.#ofRange('-', Buffer.from('+'))
    return this.#ofRange(`[${selector.prefix}`, Buffer.concat([Buffer.from(`(${selector.prefix}`), Buffer.of(255)]))
  }

  async *#ofRange(from: string, to: Buffer): AsyncGenerator<string[]> {
    for (let next = from; ;) {
      const members = await this.#read<string[]>(['zrangebylex', this.#keys.urls, next, to, 'LIMIT', 0, BATCH])
      yield members.map((member) => member.slice(member.lastIndexOf('\n') + 1))
      if (members.length < BATCH) return
      next = `(${members.at(-1)!}`
    }
  }

  async *#ofTags(tags: readonly string[]): AsyncGenerator<string[]> {
    for (const tag of new Set(tags)) {
      let cursor = '0'
      do {
        const page = await this.#read<[string, string[]]>(['sscan', this.#keys.tag(tag), cursor, 'COUNT', BATCH])
        cursor = page[0]
        yield page[1]
      } while (cursor !== '0')
    }
  }

  async #read<T>(command: unknown[]): Promise<T> {
    return (await this.#link.call('purge', [command], this.#link.plan.writeTimeoutMs))[0] as T
  }
}

/** Scripts can't read the halves of characters that JavaScript's strings may have. */
function wellFormed(selector: PurgeSelector): PurgeSelector {
  if ('url' in selector) return { url: selector.url.toWellFormed() }
  if ('prefix' in selector) return { prefix: selector.prefix.toWellFormed() }
  return 'tags' in selector ? { tags: selector.tags.map((tag) => tag.toWellFormed()) } : selector
}
