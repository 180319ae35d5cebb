/**
 * Limits how much clients may ask for in a time. One middleware holds one limit or several that count together: a request
 * passes where all of them have room, and is charged to all or to none.
 *
 *     const limit = rateLimit({ limit: 100, windowMs: 60_000 })
 *     const both = rateLimit({
 *       policies: [
 *         { name: 'burst', limit: 20, windowMs: 1_000 },
 *         { name: 'daily', limit: 10_000, windowMs: 86_400_000, key: (x) => x.get(identity).subject },
 *       ],
 *     })
 *
 * A middleware that stands in several routes is one limit for all of them. Put it below authentication and above `retry` and
 * `hedge`: below those each try would count.
 */
import { ConfigError, defineMiddleware, type Exchange, type Handler, type Middleware, type Reply } from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'
import type { BypassOptions } from './bypass.ts'
import type { FieldsOption } from './fields/reply-fields.ts'
import { LimitGuard } from './limit-guard.ts'
import { memoryStore } from './memory/memory-store.ts'
import { type Algorithm, POLICY_NAMES, type PolicyDefaults, type PolicyOptions } from './policy/policy-options.ts'
import type { RateLimitStore, StoreSnapshot } from './store/store.ts'

/**
 * Options of {@link rateLimit}: either one policy, with its `limit`, or `policies`, for which what stands beside them are defaults.
 */
export interface RateLimitOptions<N = unknown> extends Partial<PolicyOptions<N>> {
  /** Several limits that count together. */
  readonly policies?: readonly PolicyOptions<N>[]
  /** Where it is counted. @default memoryStore() */
  readonly store?: RateLimitStore
  /** Who is neither counted nor limited. @default nobody */
  readonly bypass?: BypassOptions<N>
  /** Which fields tell clients of their limits. Limits in shadow are not told of. @default 'draft-11' */
  readonly fields?: FieldsOption
}

const NAMES: OptionNames<RateLimitOptions> = {
  ...POLICY_NAMES,
  policies: true,
  store: true,
  bypass: true,
  fields: true,
}

/** A policy's state as plain data. */
export interface PolicySnapshot {
  readonly name: string
  readonly algorithm: Algorithm
  readonly limit: number
  readonly windowMs: number
  readonly burst: number
  readonly shadow: boolean
  /** How many requests had room in it so far, and how many had not; of this process. */
  readonly admitted: number
  readonly refused: number
}

/** A limit's state as plain data. */
export interface RateLimitSnapshot {
  readonly policies: readonly PolicySnapshot[]
  /** How many requests were let pass by `bypass`. */
  readonly bypassed: number
  readonly store: StoreSnapshot
}

/** The middleware, with a look inside. */
export interface RateLimit<N = unknown> extends Middleware<N> {
  snapshot(): RateLimitSnapshot
}

/**
 * Makes the middleware. Beyond a limit it answers 429 with `Retry-After` and a problem document of the type
 * `quota-exceeded`; where the store can't be asked and is told to refuse then, 503 `ERR_SLUICE_LIMIT_UNKNOWN`.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function rateLimit<N = unknown>(options: RateLimitOptions<N>): RateLimit<N> {
  strictOption(options, NAMES, 'rateLimit')
  const guard = new LimitGuard<N>(policiesOf(options), options, options.store ?? memoryStore())
  const middleware = defineMiddleware<N>('rateLimit', (exchange: Exchange<N>, next: Handler): Reply | Promise<Reply> =>
    guard.pass(exchange, next),
  )
  return Object.assign(middleware, { snapshot: () => guard.snapshot() })
}

/** With the path of each in the options. */
function policiesOf<N>(options: RateLimitOptions<N>): (readonly [options: PolicyOptions<N>, at: string])[] {
  const { policies } = options
  if (policies === undefined) return [[options as PolicyOptions<N>, 'rateLimit']]
  if (!Array.isArray(policies) || policies.length === 0)
    throw new ConfigError('rateLimit.policies', 'must be a list of at least one policy')
  for (const own of ['name', 'limit', 'windowMs', 'burst'] as const)
    if (options[own] !== undefined) throw new ConfigError(`rateLimit.${own}`, 'belongs into each of the policies')
  const { algorithm, key, ipv4PrefixBits, ipv6PrefixBits, cost, replyCost, shadow } = options
  const defaults = withoutMissing({ algorithm, key, ipv4PrefixBits, ipv6PrefixBits, cost, replyCost, shadow })
  return policies.map((policy: PolicyOptions<N>, index) => {
    const at = `rateLimit.policies[${index}]`
    return [
      {
        ...(defaults as PolicyDefaults<N>),
        ...withoutMissing(strictOption(policy, POLICY_NAMES, at)),
      } as PolicyOptions<N>,
      at,
    ]
  })
}

function withoutMissing(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
