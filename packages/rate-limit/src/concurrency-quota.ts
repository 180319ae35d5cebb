/**
 * Limits how many exchanges of one key are under way at once, in this process or in all of them. It protects fairness among
 * clients, and answers 429; `concurrencyLimit` of `@sluice/resilience` protects what stands behind, lets some wait, and
 * answers 503.
 *
 *     const quota = concurrencyQuota({ name: 'in-flight', max: 10, key: { apiKey: 'X-API-Key' }, store })
 *
 * A place is held until the exchange has ended, body or tunnel included. Put it above `retry` and `hedge`.
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
import {
  flagOption,
  nameOption,
  type OptionNames,
  positiveOption,
  strictOption,
  wholeOption,
} from '@sluice/core/options'
import { type Bypasses, type BypassOptions, compileBypass } from './bypass.ts'
import { limitRefused } from './events.ts'
import { type LimitFace, limitFace } from './fields/limit-state.ts'
import { type FieldsOption, ReplyFields } from './fields/reply-fields.ts'
import { compileKey, type KeyOf, type KeyOption } from './keys/key-option.ts'
import { memoryStore } from './memory/memory-store.ts'
import { Refusals } from './refusal.ts'
import type { Place, QuotaAccount, RateLimitStore, StoreSnapshot } from './store/store.ts'

/** Options of {@link concurrencyQuota}. */
export interface ConcurrencyQuotaOptions<N = unknown> {
  /** How many of one key at once. */
  readonly max: number
  /** What clients, events and other processes know it by. Of visible ASCII. @default 'in-flight' */
  readonly name?: string
  /** Whose exchanges are counted together. @default 'client' */
  readonly key?: KeyOption<N>
  /** How many leading bits of an IPv4 address tell clients apart. @default 32 */
  readonly ipv4PrefixBits?: number
  /** The same of IPv6. @default 64 */
  readonly ipv6PrefixBits?: number
  /** Where it is counted. @default memoryStore() */
  readonly store?: RateLimitStore
  /** How long Redis keeps the places of a process that has died, in milliseconds. @default 30_000 */
  readonly leaseMs?: number
  /** What `Retry-After` says in a refusal; nobody knows when a place will be free. @default 1_000 */
  readonly retryAfterMs?: number
  /** Counts and tells, and refuses nobody. @default false */
  readonly shadow?: boolean
  /** Who is neither counted nor limited. @default nobody */
  readonly bypass?: BypassOptions<N>
  /** Which fields tell clients of it. @default 'draft-11' */
  readonly fields?: FieldsOption
}

const NAMES: OptionNames<ConcurrencyQuotaOptions> = {
  max: true,
  name: true,
  key: true,
  ipv4PrefixBits: true,
  ipv6PrefixBits: true,
  store: true,
  leaseMs: true,
  retryAfterMs: true,
  shadow: true,
  bypass: true,
  fields: true,
}

/** A quota's state as plain data. */
export interface ConcurrencyQuotaSnapshot {
  readonly name: string
  readonly max: number
  readonly shadow: boolean
  readonly inFlight: number
  readonly admitted: number
  readonly refused: number
  readonly store: StoreSnapshot
}

/** The middleware, with a look inside. */
export interface ConcurrencyQuota<N = unknown> extends Middleware<N> {
  snapshot(): ConcurrencyQuotaSnapshot
}

/**
 * Makes the middleware. Beyond the quota it answers 429 with `Retry-After` and a problem document of the type
 * `quota-exceeded`; where the store can't be asked and is told to refuse then, 503 `ERR_SLUICE_LIMIT_UNKNOWN`.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function concurrencyQuota<N = unknown>(options: ConcurrencyQuotaOptions<N>): ConcurrencyQuota<N> {
  const guard = new QuotaGuard<N>(strictOption(options, NAMES, AT))
  const middleware = defineMiddleware<N>('concurrencyQuota', (exchange: Exchange<N>, next: Handler) =>
    guard.pass(exchange, next),
  )
  return Object.assign(middleware, { snapshot: () => guard.snapshot() })
}

const AT = 'concurrencyQuota'
const DEFAULT_LEASE_MS = 30_000

class QuotaGuard<N> {
  readonly #name: string
  readonly #max: number
  readonly #face: LimitFace
  readonly #keyOf: KeyOf<N>
  readonly #account: QuotaAccount
  readonly #bypasses: Bypasses<N> | undefined
  readonly #fields: ReplyFields
  readonly #shadow: boolean
  readonly #retryAfterMs: number
  readonly #refusals: Refusals = new Refusals()
  #inFlight = 0
  #admitted = 0
  #refused = 0

  constructor(options: ConcurrencyQuotaOptions<N>) {
    this.#name = nameOption(options.name ?? 'in-flight', `${AT}.name`)
    this.#max = wholeOption(options.max, Number.NaN, `${AT}.max`, 1)
    this.#face = limitFace(this.#name, this.#max, undefined)
    this.#keyOf = compileKey(options.key, options, AT)
    this.#bypasses = compileBypass(options.bypass, `${AT}.bypass`)
    this.#shadow = flagOption(options.shadow, false, `${AT}.shadow`)
    this.#fields = new ReplyFields(options.fields, this.#shadow ? [] : [this.#face], `${AT}.fields`)
    this.#retryAfterMs = positiveOption(options.retryAfterMs, 1_000, `${AT}.retryAfterMs`)
    const store = options.store ?? memoryStore()
    if (typeof store?.openQuota !== 'function') throw new ConfigError(`${AT}.store`, 'must be a store')
    this.#account = store.openQuota({
      name: this.#name,
      isNamed: options.name !== undefined,
      max: this.#max,
      leaseMs: positiveOption(options.leaseMs, DEFAULT_LEASE_MS, `${AT}.leaseMs`),
      at: AT,
    })
  }

  pass(exchange: Exchange<N>, next: Handler): Reply | Promise<Reply> {
    // Of one that is over already nobody would ever give the place back.
    if (exchange.aborted !== undefined) throw exchange.aborted
    const key = this.#bypasses?.(exchange) === true ? undefined : this.#keyOf(exchange)
    if (key === undefined) return next(exchange)
    const place = this.#account.take(key, exchange.clock)
    return place instanceof Promise ? this.#waiting(exchange, next, place) : this.#placed(exchange, next, place)
  }

  snapshot(): ConcurrencyQuotaSnapshot {
    return {
      name: this.#name,
      max: this.#max,
      shadow: this.#shadow,
      inFlight: this.#inFlight,
      admitted: this.#admitted,
      refused: this.#refused,
      store: this.#account.snapshot(),
    }
  }

  async #waiting(exchange: Exchange<N>, next: Handler, pending: Promise<Place>): Promise<Reply> {
    const place = await pending
    if (exchange.aborted !== undefined) {
      place.free()
      throw exchange.aborted
    }
    return await this.#placed(exchange, next, place)
  }

  #placed(exchange: Exchange<N>, next: Handler, place: Place): Reply | Promise<Reply> {
    if (!place.admitted) {
      this.#refused++
      this.#publish(exchange)
      if (!this.#shadow) return this.#refusal(exchange, place)
      return next(exchange)
    }
    this.#admitted++
    this.#inFlight++
    exchange.onEnd(() => {
      this.#inFlight--
      place.free()
    })
    return this.#shadow || this.#fields.isEmpty ? next(exchange) : this.#telling(exchange, next, place)
  }

  async #telling(exchange: Exchange<N>, next: Handler, place: Place): Promise<Reply> {
    let reply: Reply
    try {
      reply = await next(exchange)
    } catch (error) {
      if (!ProxyError.is(error)) throw error
      reply = problemReply(error, exchange.settings.name)
    }
    if (reply?.headers !== undefined) this.#tell(exchange, reply, place)
    return reply
  }

  #refusal(exchange: Exchange<N>, place: Place): Reply {
    const { name } = exchange.settings
    if (place.isUnavailable === true)
      return problemReply(new InternalError('ERR_SLUICE_LIMIT_UNKNOWN', { retryAfterMs: this.#retryAfterMs }), name)
    const reply = this.#refusals.reply([this.#name], this.#retryAfterMs, name)
    this.#tell(exchange, reply, place)
    return reply
  }

  #tell(exchange: Exchange<N>, reply: Reply, { remaining }: Place): void {
    const state = { face: this.#face, remaining, resetMs: undefined }
    this.#fields.write(reply.headers, [state], exchange.settings.name, exchange.clock.wallTime())
  }

  #publish(exchange: Exchange<N>): void {
    if (!limitRefused.hasSubscribers) return
    const [policies, retryAfterMs] = [[this.#name], this.#retryAfterMs]
    limitRefused.publish({ exchange, policies, shadow: this.#shadow, retryAfterMs })
  }
}
