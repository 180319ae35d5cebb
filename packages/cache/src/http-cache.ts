/**
 * A shared HTTP cache (RFC 9111) as a middleware.
 *
 *     const cache = httpCache({ store: memoryStore({ maxBytes: 256 * 1024 * 1024 }) })
 *     proxy.route({ path: '/articles/*' }, (route) => route.use(cache).forward(articles))
 *     await cache.purge({ tags: ['article-7'] }, { soft: true })
 *
 * Put it below authentication, so that nobody is answered who may not be, and below what compresses; above `retry`, breakers and what
 * changes requests for a target alone. What was answered to somebody known is shared only where the upstream says so (`public`,
 * `s-maxage`, `must-revalidate`).
 */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  type Handler,
  type Middleware,
  type Reply,
  systemRandom,
} from '@sluice/core'
import { strictOption } from '@sluice/core/options'
import { CacheCounters } from './cache-counters.ts'
import {
  type CachePlan,
  type CacheRouteOptions,
  type HttpCacheOptions,
  resolveCacheOptions,
  ROUTE_NAMES,
} from './cache-options.ts'
import { cachePurged } from './events.ts'
import type { FetchParts } from './flight/fetch-task.ts'
import { UncacheableTable } from './flight/uncacheable-table.ts'
import { CacheGuard } from './guard.ts'
import { Invalidation } from './invalidation/unsafe-reply.ts'
import { CacheKeys } from './key/cache-key.ts'
import { VariantKeys } from './key/vary.ts'
import { Finder } from './lookup.ts'
import { Recorder } from './recorder.ts'
import { GuardedStore } from './store/guarded-store.ts'
import { madeStore } from './store/made-store.ts'
import { PurgeLog } from './store/purge-log.ts'
import type { CacheStoreSnapshot, PurgeOptions, PurgeSelector } from './store/store.ts'

/** A cache's state as plain data; numbers of requests and responses since it was built, of this process. */
export interface HttpCacheSnapshot {
  readonly hits: number
  /** Of the hits, those that were stale. */
  readonly stale: number
  readonly misses: number
  /** Of the misses, those that shared another's fetch. */
  readonly collapsed: number
  /** Requests that the cache had nothing to do with. */
  readonly bypassed: number
  /** Stored responses that an upstream has confirmed or replaced. */
  readonly revalidated: number
  readonly stored: number
  /** Responses that were not stored. */
  readonly refused: number
  readonly purges: number
  /** Fetches under way that others may follow. */
  readonly fetching: number
  readonly storeFailures: number
  /** Entries that could not be understood, and were removed. */
  readonly corrupt: number
  readonly store: CacheStoreSnapshot
}

/** The middleware, with purges and a look inside. */
export interface HttpCache<N = unknown> extends Middleware<N> {
  /**
   * Forgets stored responses, or with `soft` makes them stale at once. Also takes effect on responses that are on their way. Resolves with
   * how many entries it hit in this process, as far as known. A URL is absolute, and means all that is stored for it: variants, and
   * answers to QUERY and POST.
   * @throws {TypeError} where the selector is none
   * @throws {InternalError} `ERR_SLUICE_PURGE_FAILED`, where the store could not be told, or not done with: what it keeps may still be there.
   * A memory tier in front of it, and what is on its way in this process, are purged all the same
   */
  purge(selector: PurgeSelector, options?: PurgeOptions): Promise<number>
  /**
   * Another middleware around the same store, for a route with options of its own. What it does not name is as it is here.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`
   */
  with(options: CacheRouteOptions<N>): Middleware<N>
  /** The URL that a purge names, as this cache spells it: for logs, and for prefixes. @throws {TypeError} where it is none */
  urlOf(url: string): string
  snapshot(): HttpCacheSnapshot
  /** Closes the store, once what it is writing is written. Requests are misses from then on. */
  close(): Promise<void>
}

/**
 * Makes the cache.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function httpCache<N = unknown>(options: HttpCacheOptions<N>): HttpCache<N> {
  const shared = new SharedParts(resolveCacheOptions(options), options)
  const guards: CacheGuard[] = []
  const middlewareOf = (plan: CachePlan): Middleware<N> => {
    const guard = shared.guard(plan)
    guards.push(guard)
    return defineMiddleware<N>('httpCache', (exchange: Exchange<N>, next: Handler): Reply | Promise<Reply> =>
      guard.pass(exchange, next),
    )
  }
  return Object.assign(middlewareOf(shared.plan), {
    purge: async (selector: PurgeSelector, purgeOptions: PurgeOptions = {}): Promise<number> =>
      await shared.purgeNamed(checkedSelector(selector), strictOption(purgeOptions, ['soft'], 'purge')),
    with: (own: CacheRouteOptions<N>): Middleware<N> => {
      strictOption(own, ['store', ...Object.keys(ROUTE_NAMES)], 'httpCache')
      if ('store' in own) throw new ConfigError('httpCache.store', 'is that of the cache, for all its routes')
      return middlewareOf(resolveCacheOptions({ ...options, ...own }))
    },
    urlOf: (url: string): string => shared.keys.urlFrom(url),
    snapshot: (): HttpCacheSnapshot => shared.snapshot(guards),
    close: (): Promise<void> => shared.store.close(),
  })
}

/** What all routes of a cache have in common. */
class SharedParts {
  readonly plan: CachePlan
  readonly store: GuardedStore
  readonly keys: CacheKeys
  readonly #salt: string
  readonly #variants = new VariantKeys()
  readonly #finder: Finder
  readonly #counters = new CacheCounters()
  readonly #recorders: Recorder[] = []
  readonly #uncacheable = new UncacheableTable()
  readonly #purges = new PurgeLog()
  /** Of all routes: they may spell one URL in several ways. */
  readonly #allKeys: CacheKeys[]

  constructor(plan: CachePlan, { store, random = systemRandom }: HttpCacheOptions<never>) {
    this.plan = plan
    this.store = new GuardedStore(madeStore(store, { clock: plan.clock, random }, 'httpCache.store'))
    this.keys = new CacheKeys(plan.key)
    this.#allKeys = [this.keys]
    this.store.onPurge((selector, { soft = false }) => this.#purges.add(selector, soft, plan.clock.wallTime()))
    this.#salt = `${plan.clock.wallTime().toString(36)}-${random().toString(36).slice(2, 10)}`
    this.#finder = new Finder(this.store, this.#variants)
  }

  guard(plan: CachePlan): CacheGuard {
    const { store } = this
    const keys = plan === this.plan ? this.keys : new CacheKeys(plan.key)
    if (keys !== this.keys) this.#allKeys.push(keys)
    const salt = `${this.#salt}-${this.#recorders.length}`
    const recorder = new Recorder(plan, store, keys, this.#variants, salt)
    this.#recorders.push(recorder)
    const parts: FetchParts = {
      plan,
      store,
      keys,
      recorder,
      finder: this.#finder,
      counters: this.#counters,
      uncacheable: this.#uncacheable,
      purges: this.#purges,
    }
    return new CacheGuard(
      parts,
      this.#variants,
      new Invalidation(keys, plan.clock, (selector) => this.purge(selector, {})),
    )
  }

  /** As a user names it: a URL is purged in every way in which routes spell it. */
  async purgeNamed(selector: PurgeSelector, options: PurgeOptions): Promise<number> {
    if (!('url' in selector)) return await this.purge(selector, options)
    const urls = new Set(this.#allKeys.flatMap((keys) => keys.urlsFrom(selector.url)))
    const counts = await Promise.all([...urls].map(async (url) => await this.purge({ url }, options)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  purge(selector: PurgeSelector, options: PurgeOptions): number | Promise<number> {
    this.#counters.purges++
    this.#purges.add(selector, options.soft ?? false, this.plan.clock.wallTime())
    const count = this.store.purge(selector, options)
    if (!cachePurged.hasSubscribers) return count
    const tell = (entries: number): number => {
      cachePurged.publish({ selector, soft: options.soft ?? false, entries })
      return entries
    }
    return typeof count === 'number' ? tell(count) : count.then(tell)
  }

  snapshot(guards: readonly CacheGuard[]): HttpCacheSnapshot {
    const { hits, stale, misses, collapsed, bypassed, revalidated, purges } = this.#counters
    const sum = (pick: (recorder: Recorder) => number) =>
      this.#recorders.reduce((total, recorder) => total + pick(recorder), 0)
    return {
      hits,
      stale,
      misses,
      collapsed,
      bypassed,
      revalidated,
      stored: sum(({ stored }) => stored),
      refused: sum(({ refused }) => refused),
      purges,
      fetching: guards.reduce((total, guard) => total + guard.fetching, 0),
      storeFailures: this.store.failures,
      corrupt: this.#finder.corrupt,
      store: this.store.snapshot(),
    }
  }
}

function checkedSelector(selector: PurgeSelector): PurgeSelector {
  if (typeof selector === 'object' && selector !== null) {
    if ('url' in selector && typeof selector.url === 'string') return { url: selector.url }
    if ('prefix' in selector && typeof selector.prefix === 'string') return { prefix: selector.prefix }
    if ('tags' in selector && Array.isArray(selector.tags) && selector.tags.every((tag) => typeof tag === 'string'))
      return { tags: selector.tags }
    if ('all' in selector && (selector.all as unknown) === true) return { all: true }
  }
  throw new TypeError('not a selector of a purge: { url }, { prefix }, { tags } or { all: true }')
}
