/**
 * Purges in Redis: first the purge is counted, remembered and told, then it is done to what stands there, some at a time, so that Redis
 * is never held up. What is published meanwhile finds it among those remembered; and it is told again at the end, for what stands in
 * front of Redis and has fetched something in between.
 */
import type { PurgeSelector } from '../store.ts'
import { type PurgeFeed, toldPurge } from './redis-feed.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { RedisLink } from './redis-link.ts'
import { LOG_PURGE, PURGE_NAMES } from './redis-scripts.ts'

const BATCH = 500

export class RedisPurges {
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #feed: PurgeFeed

  constructor(link: RedisLink, keys: RedisKeys, feed: PurgeFeed) {
    this.#link = link
    this.#keys = keys
    this.#feed = feed
  }

  async purge(selector: PurgeSelector, isSoft: boolean, wallTime: number): Promise<number> {
    const purge = toldPurge(selector, isSoft, wallTime)
    // Scripts know tags by their keys.
    const keys = 'tags' in selector ? selector.tags.map((tag) => this.#keys.tag(tag)) : []
    const text = JSON.stringify({ ...purge, keys })
    const log = async (): Promise<number> => {
      const generation = Number(await this.#run(LOG_PURGE, [text]))
      this.#feed.told(generation, purge)
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
