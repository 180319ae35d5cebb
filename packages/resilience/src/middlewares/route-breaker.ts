/**
 * A circuit breaker of a whole route: while most of what it answers are failures it answers something else at once, and
 * lets a few requests through now and then to find out whether it is well again. The gate `circuitBreaker()` is the same
 * machine for each target; this one is for what all of them have in common, and for an answer in their place.
 *
 *     route.use(routeBreaker({ fallback: { status: 200, body: { items: [] } } })).forward(recommendations)
 */
import {
  defineMiddleware,
  type Exchange,
  type Handler,
  InternalError,
  type Middleware,
  problemReply,
  ProxyError,
  type Reply,
} from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'
import { BREAKER_NAMES, type BreakerOptions, breakerPolicy, type BreakerPolicy } from '../breaker/breaker-policy.ts'
import { Breaker, type BreakerSnapshot, type BreakerState, type BreakerTicket } from '../breaker/breaker.ts'
import { breakerClosed, breakerHalfOpen, breakerOpened } from '../events.ts'
import { StatusSet, type StatusRange } from '../status-set.ts'
import { type FallbackData, type FallbackFunction, fallbackOption } from './fallback-reply.ts'

/** Options of {@link routeBreaker}. */
export interface RouteBreakerOptions<N = unknown> extends BreakerOptions {
  /** For events and admin. @default 'route' */
  readonly name?: string
  /** Replies that are failures. @default ['5xx'] */
  readonly failureStatuses?: readonly StatusRange[]
  /** What is answered while it is open: data, or a function that makes it. @default 503 `ERR_SLUICE_CIRCUIT_OPEN` with `Retry-After` */
  readonly fallback?: FallbackData | FallbackFunction<N>
}

const NAMES: OptionNames<RouteBreakerOptions> = {
  ...BREAKER_NAMES,
  name: true,
  failureStatuses: true,
  fallback: true,
}

/** The middleware, with a look inside. */
export interface RouteBreaker<N = unknown> extends Middleware<N> {
  /** Missing before the first exchange. */
  snapshot(): BreakerSnapshot | undefined
}

/** For `Retry-After` where it is only the probes that are too many. */
const PROBING_MS = 1_000

/**
 * Makes the middleware. Failures are replies of the listed statuses, errors of the upstream, and `ERR_SLUICE_NO_TARGET`;
 * a client that leaves, or what a limit or a deadline of the proxy's own refuses, counts for nothing. A middleware that
 * stands in several routes is one breaker for all of them.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function routeBreaker<N = unknown>(options: RouteBreakerOptions<N> = {}): RouteBreaker<N> {
  strictOption(options, NAMES, 'routeBreaker')
  const guard = new RouteGuard<N>(options)
  const middleware = defineMiddleware<N>('routeBreaker', (exchange, next) => guard.pass(exchange, next))
  return Object.assign(middleware, { snapshot: () => guard.snapshot() })
}

class RouteGuard<N> {
  readonly #name: string
  readonly #policy: BreakerPolicy
  readonly #failures: StatusSet
  readonly #fallback: FallbackFunction<N>
  #breaker: Breaker | undefined = undefined
  #now: () => number = () => 0

  constructor(options: RouteBreakerOptions<N>) {
    this.#name = options.name ?? 'route'
    this.#policy = breakerPolicy(options, 'routeBreaker')
    this.#failures = new StatusSet(options.failureStatuses ?? ['5xx'], 'routeBreaker.failureStatuses')
    this.#fallback =
      options.fallback === undefined
        ? (exchange, error) => problemReply(error, exchange.settings.name)
        : fallbackOption(options.fallback, 'routeBreaker.fallback')
  }

  pass(exchange: Exchange<N>, next: Handler): Reply | Promise<Reply> {
    const breaker = (this.#breaker ??= this.#create(exchange))
    const now = this.#now()
    if (breaker.admits(now)) return this.#watch(breaker, breaker.began(now), exchange, next)
    const retryAfterMs = (breaker.nextChangeAt ?? now + PROBING_MS) - now
    return this.#fallback(exchange, new InternalError('ERR_SLUICE_CIRCUIT_OPEN', { retryAfterMs }))
  }

  snapshot(): BreakerSnapshot | undefined {
    return this.#breaker?.snapshot(this.#now())
  }

  /** Clock and dice are the proxy's, which an exchange brings along. */
  #create({ clock, settings }: Exchange): Breaker {
    const now = (): number => clock.now()
    this.#now = now
    return new Breaker(this.#policy, settings.random, clock.now(), (breaker, before) => this.#report(breaker, before))
  }

  async #watch(breaker: Breaker, ticket: BreakerTicket, exchange: Exchange<N>, next: Handler): Promise<Reply> {
    try {
      const reply = await next(exchange)
      const isFailure = reply.error === undefined ? this.#failures.has(reply.status) : blames(reply.error)
      if (isFailure === true) breaker.failed(this.#now(), ticket)
      else if (isFailure === false) breaker.succeeded(this.#now(), ticket)
      return reply
    } catch (error) {
      if (blames(error) === true) breaker.failed(this.#now(), ticket)
      throw error
    } finally {
      breaker.ended(ticket)
    }
  }

  #report(breaker: Breaker, before: BreakerState): void {
    const { state, nextChangeAt } = breaker
    const event = state === 'open' ? breakerOpened : state === 'closed' ? breakerClosed : breakerHalfOpen
    if (event.hasSubscribers) event.publish({ of: 'route', name: this.#name, target: undefined, before, nextChangeAt })
  }
}

/** Whether an error is the route's failure: yes, or missing where it says nothing about it. */
function blames(error: unknown): true | undefined {
  // What is no error of an exchange is a fault in a middleware or handler: the client gets a 500.
  if (!ProxyError.is(error) || error.code === 'ERR_SLUICE_NO_TARGET') return true
  return error.source === 'upstream' && error.stage !== 'queue' ? true : undefined
}
