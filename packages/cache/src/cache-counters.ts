/** What a cache counts, for {@link HttpCache.snapshot}. */
export class CacheCounters {
  hits = 0
  /** Of the hits, those that were stale. */
  stale = 0
  misses = 0
  /** Of the misses, those that shared another's fetch. */
  collapsed = 0
  /** Requests that the cache had nothing to do with. */
  bypassed = 0
  /** Stored responses that an upstream has confirmed or replaced. */
  revalidated = 0
  purges = 0
}
