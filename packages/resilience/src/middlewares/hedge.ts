/**
 * Sends a second request where the first is slower than most, and takes whichever is answered first (Dean and Barroso,
 * "The Tail at Scale", 2013): a few more requests for a much shorter tail. For idempotent requests only, since targets get
 * some of them twice.
 *
 *     route.use(hedge({ percentile: 0.95 })).forward(search)
 *
 * How long most take is learnt from what passes. The waiting is as exact as the proxy's clock: the system's is late by up to
 * 50 ms, so a `TimerWheel` of a finer tick is worth its price where replies come faster than that.
 */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  type Handler,
  type Middleware,
  type Reply,
  type RetryBudget,
  type RetryBudgetOptions,
  retryBudget,
} from '@sluice/core'
import { numberOption, type OptionNames, strictOption, wholeOption } from '@sluice/core/options'
import { budgetOption } from './budget-option.ts'
import { HedgeRace } from './hedge-race.ts'
import { LatencyWindow } from './latency-window.ts'
import { methodOption } from './method-set.ts'

/** Options of {@link hedge}. */
export interface HedgeOptions {
  /**
   * How long to wait for the first try's head. Together with `percentile` it holds until there are `minSamples`; without
   * either, nothing is hedged until then. @default by `percentile`
   */
  readonly delayMs?: number
  /** Waits as long as this share of recent first tries took to their head, above 0 and below 1. @default 0.95, or none where there is a `delayMs` */
  readonly percentile?: number
  /** What counts as recent. @default 30_000 */
  readonly windowMs?: number
  /** Fewer first tries than this within the window say nothing. @default 50 */
  readonly minSamples?: number
  /** The wait is never shorter than this, whatever was learnt. @default 5 */
  readonly minDelayMs?: number
  /** Further tries, each after the same wait. @default 1 */
  readonly maxHedges?: number
  /** Methods that a target may get twice. @default GET, HEAD, OPTIONS, TRACE, PUT, DELETE, QUERY */
  readonly methods?: readonly string[]
  /** A body is gathered before the first try, up to this; with a longer one, or one of unknown length, nothing is hedged. @default 65_536 */
  readonly maxBodyBytes?: number
  /**
   * How many hedges there may be, of all exchanges together. @default that of the `retry` around it; else one of its own:
   * 20 % of the requests, at least 3, and 10 a second
   */
  readonly budget?: RetryBudget | RetryBudgetOptions
}

const NAMES: OptionNames<HedgeOptions> = {
  delayMs: true,
  percentile: true,
  windowMs: true,
  minSamples: true,
  minDelayMs: true,
  maxHedges: true,
  methods: true,
  maxBodyBytes: true,
  budget: true,
}

/**
 * Makes the middleware.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function hedge(options: HedgeOptions = {}): Middleware {
  strictOption(options, NAMES, 'hedge')
  const plan = new HedgePlan(options)
  return defineMiddleware('hedge', (exchange, next) =>
    plan.allows(exchange) ? hedging(exchange, next, plan) : next(exchange),
  )
}

async function hedging(exchange: Exchange, next: Handler, plan: HedgePlan): Promise<Reply> {
  const { body } = exchange.request
  if (body.inMemory === undefined) {
    // Read once as a whole, it can be read by two tries at a time.
    exchange.request.body = body.replayable(plan.maxBodyBytes)
    await exchange.request.body.bytes({ maxBytes: plan.maxBodyBytes })
  }
  const startedAt = exchange.clock.now()
  const delayMs = plan.delayAt(startedAt)
  if (delayMs !== undefined) {
    return await new HedgeRace(exchange, next, {
      delayMs,
      maxHedges: plan.maxHedges,
      budget: plan.budgetFor(exchange),
      latencies: plan.latencies,
    }).run()
  }
  const reply = await next(exchange)
  const now = exchange.clock.now()
  if (reply.status < 500) plan.latencies?.record(now, now - startedAt)
  return reply
}

class HedgePlan {
  readonly maxHedges: number
  readonly maxBodyBytes: number
  readonly latencies: LatencyWindow | undefined
  readonly #delayMs: number | undefined
  readonly #percentile: number
  readonly #minSamples: number
  readonly #minDelayMs: number
  readonly #isRepeatable: (method: string) => boolean
  readonly #budget: RetryBudget
  readonly #hasOwnBudget: boolean

  constructor(options: HedgeOptions) {
    const { delayMs, percentile } = options
    this.#delayMs = delayMs === undefined ? undefined : numberOption(delayMs, 0, 'hedge.delayMs', 0)
    this.#percentile = numberOption(percentile, 0.95, 'hedge.percentile', 0, 1)
    if (this.#percentile === 0 || this.#percentile === 1)
      throw new ConfigError('hedge.percentile', 'must be above 0 and below 1')
    const windowMs = numberOption(options.windowMs, 30_000, 'hedge.windowMs', 1)
    this.latencies = delayMs === undefined || percentile !== undefined ? new LatencyWindow(windowMs) : undefined
    this.#minSamples = wholeOption(options.minSamples, 50, 'hedge.minSamples', 1)
    this.#minDelayMs = numberOption(options.minDelayMs, 5, 'hedge.minDelayMs', 0)
    this.maxHedges = wholeOption(options.maxHedges, 1, 'hedge.maxHedges', 1)
    this.maxBodyBytes = wholeOption(options.maxBodyBytes, 65_536, 'hedge.maxBodyBytes', 0)
    this.#isRepeatable = methodOption(options.methods, 'hedge.methods')
    this.#budget = budgetOption(options.budget, 'hedge.budget')
    this.#hasOwnBudget = options.budget !== undefined
  }

  allows({ request }: Exchange): boolean {
    return (
      request.upgrade === undefined &&
      this.#isRepeatable(request.method) &&
      (request.body.length ?? Number.POSITIVE_INFINITY) <= this.maxBodyBytes
    )
  }

  /** How long to wait before a hedge; missing where that is not known yet. */
  delayAt(now: number): number | undefined {
    if (this.latencies === undefined || this.latencies.count(now) < this.#minSamples) return this.#delayMs
    return Math.max(this.#minDelayMs, this.latencies.quantile(now, this.#percentile)!)
  }

  /** Counts the request as well, unless the middleware whose budget it is has done so. */
  budgetFor(exchange: Exchange): RetryBudget {
    const outer = this.#hasOwnBudget ? undefined : exchange.peek(retryBudget)
    if (outer !== undefined) return outer
    this.#budget.request(exchange.clock.now())
    return this.#budget
  }
}
