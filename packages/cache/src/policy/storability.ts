/** Whether a response may be stored (RFC 9111, section 3), and for how long it is of use. */
import { type Exchange, identity } from '@sluice/core'
import { type HeaderList, maskOf } from '@sluice/wire'
import type { EffectiveDirectives } from '../directives/targeted-fields.ts'
import { explicitLifetimeMs, heuristicLifetimeMs } from './freshness.ts'
import { type SetCookiePolicy, setsCookie } from './stored-fields.ts'
import type { TtlTable } from './ttl-table.ts'
import { isHeuristicallyCacheable, isUnderstood } from './understood-status.ts'

const AUTHORIZATION = maskOf('authorization')
const CREDENTIALS = maskOf('authorization', 'cookie')
const VALIDATOR = maskOf('etag')

/** Why a response is not stored; told in events, and with `Cache-Status`'s `detail`. */
export type StoreRefusal =
  | 'request-no-store'
  | 'request-credentials'
  | 'unkeyed-field'
  | 'status'
  | 'no-store'
  | 'private'
  | 'set-cookie'
  | 'vary'
  | 'no-lifetime'
  | 'too-large'
  | 'too-many-tags'
  | 'purged'
  | 'truncated'
  | 'store-failed'

/** Whether a reason says nothing of what others would get: it lies in the request, or in the store. */
export function isPassing(reason: StoreRefusal): boolean {
  return PASSING.has(reason)
}

const PASSING: ReadonlySet<StoreRefusal> = new Set([
  'purged',
  'store-failed',
  'request-no-store',
  'request-credentials',
  'unkeyed-field',
])

/** What decides beside the response itself. */
export interface StoreRules {
  readonly setCookie: SetCookiePolicy
  readonly heuristic: { readonly fraction: number; readonly maxMs: number }
  readonly defaultTtl: TtlTable
  readonly overrideTtl: TtlTable
  readonly maxTtlMs: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly sMaxAgeForbidsStale: boolean
  /** Whether a request has a field that no key has. */
  readonly hasUnkeyedField: (request: HeaderList) => boolean
  /** Whether 206 is kept to be combined. */
  readonly storesPartial: boolean
}

/** What a stored response may be used for. */
export interface StoredPolicy {
  readonly freshMs: number
  /** Beyond its freshness. */
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  /** Not without asking, however fresh. */
  readonly noCache: boolean
  /** Never stale. */
  readonly mustRevalidate: boolean
}

/**
 * The policy of a response that may be stored, or why it may not. Whoever has an identity has shown credentials, also where their
 * field was taken off on the way here.
 */
export function judge(
  exchange: Exchange,
  status: number,
  headers: HeaderList,
  effective: EffectiveDirectives,
  rules: StoreRules,
  respondedAt: number,
): StoredPolicy | StoreRefusal {
  const { directives } = effective
  const isForbidden = directives.noStore && !(directives.mustUnderstand && isUnderstood(status))
  if (isForbidden) return 'no-store'
  if (directives.mustUnderstand && !isUnderstood(status)) return 'status'
  if (status === 304 || (status === 206 && !rules.storesPartial)) return 'status'
  if (directives.isPrivate) return 'private'
  const request = exchange.request.headers
  const isKnown = exchange.peek(identity) !== undefined
  if ((isKnown || request.hasAny(AUTHORIZATION)) && !mayShareAuthorized(effective)) return 'request-credentials'
  if (rules.setCookie === 'refuse' && setsCookie(headers)) return 'set-cookie'
  if (rules.hasUnkeyedField(request)) return 'unkeyed-field'
  const isSomebodys = isKnown || request.hasAny(CREDENTIALS) || setsCookie(headers)
  return lifetimes(isSomebodys, status, headers, effective, rules, respondedAt) ?? 'no-lifetime'
}

/** Section 3.5. */
function mayShareAuthorized({ directives }: EffectiveDirectives): boolean {
  return directives.isPublic || directives.mustRevalidate || directives.sMaxAge !== undefined
}

function lifetimes(
  isSomebodys: boolean,
  status: number,
  headers: HeaderList,
  effective: EffectiveDirectives,
  rules: StoreRules,
  respondedAt: number,
): StoredPolicy | undefined {
  const { directives } = effective
  const overridden = rules.overrideTtl(status)
  const explicit = overridden ?? explicitLifetimeMs(headers, effective, respondedAt) ?? rules.defaultTtl(status)
  // Without a word about caching only some may be kept, and nothing that could be somebody's own.
  if (explicit === undefined && !directives.isPublic && !isHeuristicallyCacheable(status)) return undefined
  const guess = () =>
    isSomebodys ? 0 : heuristicLifetimeMs(status, headers, directives.isPublic, respondedAt, rules.heuristic)
  const freshMs = Math.min(explicit ?? guess(), rules.maxTtlMs)
  const mustRevalidate =
    directives.mustRevalidate ||
    directives.proxyRevalidate ||
    // Whose it is, only its origin knows: it is never served unasked, not even for want of a better one.
    (explicit === undefined && isSomebodys && !directives.isPublic) ||
    (directives.sMaxAge !== undefined && rules.sMaxAgeForbidsStale)
  const staleMs = (seconds: number | undefined, fallback: number): number =>
    mustRevalidate || directives.noCache ? 0 : seconds === undefined ? fallback : seconds * 1_000
  const policy: StoredPolicy = {
    freshMs,
    staleWhileRevalidateMs: staleMs(directives.staleWhileRevalidate, rules.staleWhileRevalidateMs),
    staleIfErrorMs: staleMs(directives.staleIfError, rules.staleIfErrorMs),
    noCache: directives.noCache,
    mustRevalidate,
  }
  const isOfUse = (freshMs > 0 && !directives.noCache) || policy.staleWhileRevalidateMs > 0 || policy.staleIfErrorMs > 0
  return isOfUse || hasValidator(headers) ? policy : undefined
}

function hasValidator(headers: HeaderList): boolean {
  return headers.hasAny(VALIDATOR) || headers.has('last-modified')
}
