/** Options of the cache, checked and resolved when it is built. */
import { ConfigError } from '@sluice/core'
import {
  durationOption,
  fieldsOption,
  flagOption,
  functionOption,
  nameOption,
  numberOption,
  type OptionNames,
  strictOption,
  wholeOption,
  wordOption,
} from '@sluice/core/options'
import { type Clock, isToken, systemClock } from '@sluice/wire'
import { type KeyOptions, type KeyPlan, resolveKeyOptions } from './key/key-options.ts'
import type { StoreRules } from './policy/storability.ts'
import type { SetCookiePolicy } from './policy/stored-fields.ts'
import { type TtlOption, ttlTable } from './policy/ttl-table.ts'
import { unkeyedTest } from './policy/unkeyed-fields.ts'
import { cacheIdentifier } from './reply/cache-status.ts'
import type { CacheStoreFactory } from './store/store.ts'

/** What routes may have each for themselves, around one store. */
export interface CacheRouteOptions<N = unknown> {
  /** What of a request names a stored response. @default scheme, authority, method and the whole target */
  readonly key?: KeyOptions<N>
  /**
   * Methods whose responses are stored, beside GET. For QUERY (RFC 10008) and POST the request's content is part of the key.
   * @default []
   */
  readonly methods?: readonly ('QUERY' | 'POST')[]
  /** A larger body of such a request is not looked at: the request goes on. @default 65_536 */
  readonly maxKeyBodyBytes?: number
  /** A larger response passes through, and is not stored. @default 16_777_216 */
  readonly maxEntryBytes?: number
  /** Variants of one URL (`Vary`); beyond that the oldest are forgotten. @default 16 */
  readonly maxVariants?: number
  /** The fields of RFC 9213 that this cache obeys, in the order of their precedence. @default ['CDN-Cache-Control'] */
  readonly targetedFields?: readonly string[]
  /**
   * Of a response that states no lifetime: which part of the time since its `Last-Modified` it is taken to be fresh (RFC 9111, section 4.2.2).
   * Never where the request has credentials or a cookie: such a response is not served stale, either. 0 for none. @default 0.1
   */
  readonly heuristicFraction?: number
  /** At most this long. @default 86_400_000 */
  readonly maxHeuristicMs?: number
  /** Lifetimes of responses that state none, by status: also for negative caching. @default none */
  readonly defaultTtlMs?: TtlOption
  /** Lifetimes in place of what responses state; what they forbid (`no-store`, `private`) stays forbidden. @default none */
  readonly overrideTtlMs?: TtlOption
  /** No response is fresh for longer. @default none */
  readonly maxTtlMs?: number
  /** For responses that don't say (RFC 5861, section 3). @default 0 */
  readonly staleWhileRevalidateMs?: number
  /** For responses that don't say (RFC 5861, section 4). @default 0 */
  readonly staleIfErrorMs?: number
  /**
   * Whether `s-maxage` means `proxy-revalidate` as well, as RFC 9111 (section 5.2.2.10) has it: never stale. With `false` such a response
   * may be, where it has `stale-while-revalidate` or `stale-if-error`, as many CDNs do. @default true
   */
  readonly sMaxAgeForbidsStale?: boolean
  /** How long a response is kept beyond its freshness, to be validated. @default 3_600_000 */
  readonly keepStaleMs?: number
  /** A response with `Set-Cookie`: not stored; stored without it; or with it, which is right only where no cookie is anybody's own. @default 'refuse' */
  readonly setCookie?: SetCookiePolicy
  /** Whether clients' `Cache-Control` counts. With `'ignore'` no client can make the cache ask an upstream. @default 'honour' */
  readonly requestDirectives?: 'honour' | 'ignore'
  /**
   * Request fields that some upstreams obey and no key has: a response to a request that has one is not stored, since it could be
   * poisoned, and no other request waits for it. @default X-Original-URL, X-Rewrite-URL, X-HTTP-Method-Override and their like
   */
  readonly unkeyedFields?: readonly string[]
  /** Fields of responses that name tags: `Surrogate-Key` is separated by blanks, all others by commas. @default ['Surrogate-Key', 'Cache-Tag'] */
  readonly tagFields?: readonly string[]
  /** Whether concurrent requests of one key go upstream once. @default true */
  readonly collapse?: boolean
  /** How long a request waits for another's fetch before it goes on by itself. @default 10_000 */
  readonly collapseWaitMs?: number
  /** Whether parts (206) are stored, joined, and completed. @default false */
  readonly storePartial?: boolean
  /** `Cache-Status` (RFC 9211): not at all; or with the key, or why a response was not stored, which is for debugging. @default true */
  readonly cacheStatus?: boolean | { readonly key?: boolean; readonly detail?: boolean }
  /** How `Cache-Status` names this cache. @default the proxy's name */
  readonly name?: string
}

/** @internal Those of one route. */
export const ROUTE_NAMES: OptionNames<CacheRouteOptions> = {
  key: true,
  methods: true,
  maxKeyBodyBytes: true,
  maxEntryBytes: true,
  maxVariants: true,
  targetedFields: true,
  heuristicFraction: true,
  maxHeuristicMs: true,
  defaultTtlMs: true,
  overrideTtlMs: true,
  maxTtlMs: true,
  staleWhileRevalidateMs: true,
  staleIfErrorMs: true,
  sMaxAgeForbidsStale: true,
  keepStaleMs: true,
  setCookie: true,
  requestDirectives: true,
  unkeyedFields: true,
  tagFields: true,
  collapse: true,
  collapseWaitMs: true,
  storePartial: true,
  cacheStatus: true,
  name: true,
}

/** Options of {@link httpCache}. */
export interface HttpCacheOptions<N = unknown> extends CacheRouteOptions<N> {
  /** Where responses are kept. */
  readonly store: CacheStoreFactory
  /** @default systemClock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: () => number
}

const NAMES: OptionNames<HttpCacheOptions> = {
  ...ROUTE_NAMES,
  store: true,
  clock: true,
  random: true,
}

/** The same, resolved. */
export interface CachePlan extends StoreRules {
  readonly clock: Clock
  readonly key: KeyPlan
  readonly bodyMethods: ReadonlySet<string>
  readonly maxKeyBodyBytes: number
  readonly maxEntryBytes: number
  readonly maxVariants: number
  readonly targets: readonly string[]
  readonly keepStaleMs: number
  readonly honoursClients: boolean
  readonly tagFields: readonly string[]
  readonly collapses: boolean
  readonly collapseWaitMs: number
  readonly tellsStatus: boolean
  readonly tellsKey: boolean
  readonly tellsDetail: boolean
  /** `undefined`: the proxy's name. */
  readonly identifier: string | undefined
}

const UNKEYED_FIELDS = [
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-proxy-url',
  'x-http-destinationurl',
  'x-http-path-override',
  'x-original-host',
  'x-host',
  'x-http-host-override',
  'x-forwarded-server',
  'x-forwarded-scheme',
  'x-url-scheme',
  'front-end-https',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
]

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveCacheOptions<N>(options: HttpCacheOptions<N>): CachePlan {
  const { cacheStatus = true, name } = strictOption(options, NAMES, 'httpCache')
  if (functionOption(options.store, 'httpCache.store') === undefined)
    throw new ConfigError('httpCache.store', 'must be a store, such as memoryStore()')
  if (typeof cacheStatus !== 'boolean') strictOption(cacheStatus, ['key', 'detail'], 'httpCache.cacheStatus')
  if (name !== undefined) nameOption(name, 'httpCache.name')
  const told = typeof cacheStatus === 'boolean' ? {} : cacheStatus
  return Object.freeze({
    clock: options.clock ?? systemClock,
    key: resolveKeyOptions(options.key, 'httpCache.key'),
    bodyMethods: bodyMethods(options.methods),
    maxKeyBodyBytes: wholeOption(options.maxKeyBodyBytes, 65_536, 'httpCache.maxKeyBodyBytes', 0),
    maxEntryBytes: wholeOption(options.maxEntryBytes, 16_777_216, 'httpCache.maxEntryBytes', 0),
    maxVariants: wholeOption(options.maxVariants, 16, 'httpCache.maxVariants', 1, 256),
    targets: fieldsOption(options.targetedFields, ['CDN-Cache-Control'], 'httpCache.targetedFields'),
    heuristic: {
      fraction: numberOption(options.heuristicFraction, 0.1, 'httpCache.heuristicFraction', 0, 1),
      maxMs: durationOption(options.maxHeuristicMs, 86_400_000, 'httpCache.maxHeuristicMs'),
    },
    defaultTtl: ttlTable(options.defaultTtlMs, 'httpCache.defaultTtlMs'),
    overrideTtl: ttlTable(options.overrideTtlMs, 'httpCache.overrideTtlMs'),
    maxTtlMs:
      options.maxTtlMs === undefined
        ? Number.POSITIVE_INFINITY
        : durationOption(options.maxTtlMs, 0, 'httpCache.maxTtlMs'),
    staleWhileRevalidateMs: durationOption(options.staleWhileRevalidateMs, 0, 'httpCache.staleWhileRevalidateMs'),
    staleIfErrorMs: durationOption(options.staleIfErrorMs, 0, 'httpCache.staleIfErrorMs'),
    sMaxAgeForbidsStale: flagOption(options.sMaxAgeForbidsStale, true, 'httpCache.sMaxAgeForbidsStale'),
    keepStaleMs: durationOption(options.keepStaleMs, 3_600_000, 'httpCache.keepStaleMs'),
    setCookie: wordOption(options.setCookie, 'refuse', ['refuse', 'strip', 'store'], 'httpCache.setCookie'),
    honoursClients:
      wordOption(options.requestDirectives, 'honour', ['honour', 'ignore'], 'httpCache.requestDirectives') === 'honour',
    hasUnkeyedField: unkeyedTest(fieldsOption(options.unkeyedFields, UNKEYED_FIELDS, 'httpCache.unkeyedFields')),
    tagFields: fieldsOption(options.tagFields, ['Surrogate-Key', 'Cache-Tag'], 'httpCache.tagFields'),
    collapses: flagOption(options.collapse, true, 'httpCache.collapse'),
    collapseWaitMs: durationOption(options.collapseWaitMs, 10_000, 'httpCache.collapseWaitMs'),
    storesPartial: flagOption(options.storePartial, false, 'httpCache.storePartial'),
    tellsStatus: cacheStatus !== false,
    tellsKey: flagOption(told.key, false, 'httpCache.cacheStatus.key'),
    tellsDetail: flagOption(told.detail, false, 'httpCache.cacheStatus.detail'),
    identifier: name === undefined ? undefined : cacheIdentifier(name),
  })
}

function bodyMethods(methods: readonly string[] | undefined): ReadonlySet<string> {
  const list = methods ?? []
  if (!Array.isArray(list) || !list.every((each) => isToken(each) && (each === 'QUERY' || each === 'POST')))
    throw new ConfigError('httpCache.methods', 'must be a list of "QUERY" and "POST"')
  return new Set(list)
}
