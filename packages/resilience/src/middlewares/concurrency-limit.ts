/**
 * A bound on how many exchanges are under way at once: fixed, or found out from how long they take (Gradient2). Beyond it a
 * few wait for a moment, and the others are told at once to come back later, which under overload serves more of them than
 * letting everybody wait.
 *
 *     const limit = concurrencyLimit({ max: 100, maxPending: 50 })
 *     proxy.route({ path: '/reports/*' }, (r) => r.use(limit).forward(reports))
 *
 * A middleware that stands in several routes is one limit for all of them. A place is held until the exchange has ended,
 * body or tunnel included; one whose chain has thrown frees it at once. Put it above `retry` and `hedge`: below them each try
 * would hold a place of its own.
 */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  type Handler,
  InternalError,
  type Middleware,
  problemReply,
  ProxyError,
  type Reply,
} from '@sluice/core'
import { functionOption, numberOption, type OptionNames, strictOption, wholeOption } from '@sluice/core/options'
import { limitRefused } from '../events.ts'
import { Gradient2, type Gradient2Options } from './gradient2.ts'
import { KeyedLimiters, type KeySnapshot } from './keyed-limiters.ts'
import { Limiter, type LimitRule, Place, type WaitEnd, type WaitingRules } from './limiter.ts'

/** Options of {@link concurrencyLimit}. */
export interface ConcurrencyLimitOptions<N = unknown> {
  /** How many exchanges at once; or how that number is found out (`{}` takes Gradient2's defaults). @default 1_024 */
  readonly max?: number | Gradient2Options
  /** How many may wait for a place. With a `key`, of each key. @default 0 */
  readonly maxPending?: number
  /**
   * Who is next. `'lifo'` under overload serves some in time, where `'fifo'` serves everybody late. @default 'fifo'
   */
  readonly order?: 'fifo' | 'lifo'
  /** Longest wait for a place; 0 for any time, as far as a deadline allows. @default 1_000 */
  readonly pendingTimeoutMs?: number
  /** Counts for each key by itself; what has no key is not limited. `'client'`: the client's address. @default all are one */
  readonly key?: 'client' | ((exchange: Exchange<N>) => string | undefined)
  /** How many keys are counted apart at a time; those beyond share one limit. @default 10_000 */
  readonly maxKeys?: number
  /** What `Retry-After` says in a refusal. @default 1_000 */
  readonly retryAfterMs?: number
}

const NAMES: OptionNames<ConcurrencyLimitOptions> = {
  max: true,
  maxPending: true,
  order: true,
  pendingTimeoutMs: true,
  key: true,
  maxKeys: true,
  retryAfterMs: true,
}

/** A limit's state as plain data. */
export interface ConcurrencyLimitSnapshot {
  /** At this moment; with a `key`, of each key. */
  readonly limit: number
  readonly inFlight: number
  readonly pending: number
  /** How many were refused so far. */
  readonly refused: number
  /** The keys that are in use; missing where there is no `key`. */
  readonly keys: readonly KeySnapshot[] | undefined
}

/** The middleware, with a look inside. */
export interface ConcurrencyLimit<N = unknown> extends Middleware<N> {
  snapshot(): ConcurrencyLimitSnapshot
}

interface Plan<N> {
  readonly limiterFor: (exchange: Exchange<N>) => Limiter | undefined
  readonly retryAfterMs: number
  refused: number
}

/**
 * Makes the middleware. Beyond the limit it answers 503 `ERR_SLUICE_CONCURRENCY_LIMIT` with `Retry-After`.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function concurrencyLimit<N = unknown>(options: ConcurrencyLimitOptions<N> = {}): ConcurrencyLimit<N> {
  strictOption(options, NAMES, 'concurrencyLimit')
  const rule = ruleOf(options)
  const rules = waitingRules(options)
  const single = new Limiter(rule, rules)
  const keyed = options.key === undefined ? undefined : new KeyedLimiters(rule, rules, single, maxKeysOf(options))
  const plan: Plan<N> = {
    limiterFor: limiterChoice(options, single, keyed),
    retryAfterMs: numberOption(options.retryAfterMs, 1_000, 'concurrencyLimit.retryAfterMs', 0),
    refused: 0,
  }
  const middleware = defineMiddleware<N>('concurrencyLimit', (exchange, next) => limited(exchange, next, plan))
  return Object.assign(middleware, {
    snapshot: (): ConcurrencyLimitSnapshot => {
      const { inFlight, pending } = keyed ?? single
      return { limit: rule.limit, inFlight, pending, refused: plan.refused, keys: keyed?.snapshot() }
    },
  })
}

function limited<N>(exchange: Exchange<N>, next: Handler, plan: Plan<N>): Reply | Promise<Reply> {
  // Of one that is over already nobody would ever give the place back.
  if (exchange.aborted !== undefined) throw exchange.aborted
  const limiter = plan.limiterFor(exchange)
  if (limiter === undefined) return next(exchange)
  const place = new Place(limiter)
  if (limiter.take(place)) {
    exchange.onEnd(() => place.free())
    return passing(exchange, next, place)
  }
  return waiting(exchange, next, plan, place)
}

async function passing(exchange: Exchange, next: Handler, place: Place): Promise<Reply> {
  const startedAt = exchange.clock.now()
  try {
    const reply = await next(exchange)
    place.limiter.sample(place, exchange.clock.now() - startedAt, isOverload(reply.status))
    return reply
  } catch (error) {
    // What failed otherwise says nothing about how much is too much.
    if (ProxyError.is(error) && error.source === 'upstream' && isOverload(error.status))
      place.limiter.sample(place, exchange.clock.now() - startedAt, true)
    place.free()
    throw error
  }
}

async function waiting<N>(exchange: Exchange<N>, next: Handler, plan: Plan<N>, place: Place): Promise<Reply> {
  const end = await placeFor(exchange, place)
  // Between the grant and here it may have been given up.
  if (exchange.aborted !== undefined) {
    place.free()
    throw exchange.aborted
  }
  if (end === 'granted') return await passing(exchange, next, place)
  plan.refused++
  if (limitRefused.hasSubscribers) {
    const { limit, inFlight, pending } = place.limiter
    limitRefused.publish({ exchange, reason: end === 'expired' ? 'timeout' : 'full', limit, inFlight, pending })
  }
  const error = new InternalError('ERR_SLUICE_CONCURRENCY_LIMIT', { retryAfterMs: plan.retryAfterMs })
  return problemReply(error, exchange.settings.name)
}

function placeFor(exchange: Exchange, place: Place): Promise<WaitEnd | 'full'> {
  return new Promise((resolve) => {
    const leave = (): void => place.free()
    const isWaiting = place.limiter.wait(place, exchange.clock, (end) => {
      exchange.signal.removeEventListener('abort', leave)
      resolve(end)
    })
    if (!isWaiting) return resolve('full')
    // Both before the place is granted: the exchange may end between the grant and the next line that runs for it.
    exchange.onEnd(leave)
    exchange.signal.addEventListener('abort', leave)
  })
}

/** A target, or something on the way to it, has more than it can do. */
function isOverload(status: number): boolean {
  return status === 503 || status === 504 || status === 429
}

function ruleOf<N>({ max = 1_024, key }: ConcurrencyLimitOptions<N>): LimitRule {
  if (typeof max === 'number') return { limit: wholeOption(max, 0, 'concurrencyLimit.max', 1) }
  if (typeof max !== 'object' || max === null)
    throw new ConfigError('concurrencyLimit.max', 'must be a number, or the options of an adaptive limit')
  if (key !== undefined)
    throw new ConfigError(
      'concurrencyLimit.max',
      'must be a number where there is a key: a key has too few to learn from',
    )
  return new Gradient2(max, 'concurrencyLimit.max')
}

function waitingRules<N>(options: ConcurrencyLimitOptions<N>): WaitingRules {
  const { order = 'fifo' } = options
  if (order !== 'fifo' && order !== 'lifo') throw new ConfigError('concurrencyLimit.order', 'must be "fifo" or "lifo"')
  return {
    order,
    maxPending: wholeOption(options.maxPending, 0, 'concurrencyLimit.maxPending', 0),
    pendingTimeoutMs: numberOption(options.pendingTimeoutMs, 1_000, 'concurrencyLimit.pendingTimeoutMs', 0),
  }
}

function maxKeysOf<N>(options: ConcurrencyLimitOptions<N>): number {
  return wholeOption(options.maxKeys, 10_000, 'concurrencyLimit.maxKeys', 1)
}

function limiterChoice<N>(
  { key }: ConcurrencyLimitOptions<N>,
  single: Limiter,
  keyed: KeyedLimiters | undefined,
): (exchange: Exchange<N>) => Limiter | undefined {
  if (keyed === undefined) return () => single
  if (key === 'client') return (exchange) => keyed.of(exchange.client.address)
  const keyOf = functionOption(key, 'concurrencyLimit.key')!
  return (exchange) => {
    const name = keyOf(exchange)
    return name === undefined ? undefined : keyed.of(name)
  }
}
