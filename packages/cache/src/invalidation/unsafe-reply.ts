/** What a reply to an unsafe request makes invalid (RFC 9111, section 4.4; RFC 9875, section 3). */
import type { Exchange, Reply } from '@sluice/core'
import type { Clock, HeaderList } from '@sluice/wire'
import type { CacheKeys } from '../key/cache-key.ts'
import type { PurgeSelector } from '../store/store.ts'
import { cacheGroupTag, groupsOf } from './tags.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])

/** Also of a method that nobody here knows. */
export function isUnsafe(method: string): boolean {
  return !SAFE.has(method)
}

/**
 * What to purge: the target, what `Location` and `Content-Location` name on the same origin, and the groups that the reply names. Nothing
 * after an error. `urlFrom` makes URLs canonical, and throws where one is none.
 */
export function invalidatedBy(
  status: number,
  headers: HeaderList,
  url: string,
  origin: string,
  urlFrom: (text: string) => string,
): PurgeSelector[] {
  if (status >= 400) return []
  const urls = new Set([url])
  for (const name of ['location', 'content-location']) {
    const value = headers.get(name)
    const named = value === undefined ? undefined : resolved(value, url, urlFrom)
    if (named !== undefined && (named === origin || named.startsWith(`${origin}/`))) urls.add(named)
  }
  const selectors: PurgeSelector[] = [...urls].map((each) => ({ url: each }))
  const groups = groupsOf(headers.get('cache-group-invalidation'))
  if (groups.length > 0) selectors.push({ tags: groups.map((group) => cacheGroupTag(origin, group)) })
  return selectors
}

/** A reference against the URL of the request; `undefined` where it is none. */
export function resolved(reference: string, base: string, urlFrom: (text: string) => string): string | undefined {
  const url = URL.parse(reference, base)
  return url === null || !/^https?:$/.test(url.protocol) ? undefined : urlFrom(url.href)
}

/** A disk that is still looked through after a start takes longer. */
const MAX_WAIT_MS = 1_000

/** Makes stored responses invalid after replies to unsafe requests. */
export class Invalidation {
  readonly #keys: CacheKeys
  readonly #clock: Clock
  readonly #purge: (selector: PurgeSelector) => number | Promise<number>

  constructor(keys: CacheKeys, clock: Clock, purge: (selector: PurgeSelector) => number | Promise<number>) {
    this.#keys = keys
    this.#clock = clock
    this.#purge = purge
  }

  /**
   * Resolves when the store has done it: whoever got the reply does not meet what it made invalid. Where the store can't, that was told, and is
   * no fault of the request's. Nor is it to wait for long where it takes effect here at once, and elsewhere some time later.
   */
  async after(exchange: Exchange, { status, headers }: Reply): Promise<void> {
    const keys = this.#keys
    const selectors = invalidatedBy(status, headers, keys.url(exchange), keys.origin(exchange), (text) =>
      keys.urlFrom(text),
    )
    const purges = Promise.allSettled(selectors.map(async (selector) => await this.#purge(selector)))
    await new Promise<void>((resolve) => {
      const deadline = this.#clock.schedule(MAX_WAIT_MS, resolve)
      void purges.then(() => {
        deadline.cancel()
        return resolve()
      })
    })
  }
}
