/**
 * Tries again where a target could not be reached or answered with a gateway's error: at another target, after a short
 * random wait, and never so often that retries keep a failing upstream down.
 *
 *     route.use(retry({ maxRetries: 2, tryTimeoutMs: 2_000 })).forward(users)
 *
 * It decides before the reply goes on, so no byte of an earlier try has reached the client; a body that breaks later is not
 * tried again. What stands below runs for each try, on a branch of its own with the request as it is here: put what should
 * run once (authentication, rate limits, concurrency limits) above. Connections that fail are first tried elsewhere by
 * `forward` itself, from the same budget.
 */
import {
  defineMiddleware,
  type ErrorStage,
  type Exchange,
  type Handler,
  type Middleware,
  type Reply,
  type RetryBudget,
  type RetryBudgetOptions,
  retryBudget,
  type UpstreamErrorCode,
} from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'
import { retried, retryRefused } from '../events.ts'
import type { StatusRange } from '../status-set.ts'
import { discardBranch } from './discard-reply.ts'
import { pause } from './pause.ts'
import { RetryPolicy } from './retry-policy.ts'
import { tryNext } from './try-next.ts'

/** Options of {@link retry}. */
export interface RetryOptions {
  /** Tries beyond the first. @default 2 */
  readonly maxRetries?: number
  /** Replies of targets that are tried again, where the method allows it. @default [502, 503, 504] */
  readonly statuses?: readonly StatusRange[]
  /**
   * Errors that are tried again, by how far the attempt had come. What reached no target (`error.retry` is `safe`) is tried
   * again whatever the method. @default ['connect', 'tls', 'response-head']
   */
  readonly stages?: readonly ErrorStage[]
  /** Further errors, by code; `ERR_SLUICE_TOTAL_TIMEOUT` is tried again only where it stands here. @default [] */
  readonly codes?: readonly UpstreamErrorCode[]
  /**
   * Statuses of gRPC, such as 14 (UNAVAILABLE), that are tried again where a target answers with one and nothing else
   * ("Trailers-Only"), and the call may be made twice: calls are POST, so {@link methods} has to have that.
   * @default []
   */
  readonly grpcStatuses?: readonly number[]
  /** Methods that a target may get twice. @default GET, HEAD, OPTIONS, TRACE, PUT, DELETE, QUERY (RFC 9110, section 9.2.2; RFC 10008) */
  readonly methods?: readonly string[]
  /** Whether any method may be repeated that comes with an `Idempotency-Key`: the targets have to honour it. @default false */
  readonly idempotencyKey?: boolean
  /** A request with a longer body is tried once, unless nothing of it was sent. That much may be held in memory. @default 65_536 */
  readonly maxBodyBytes?: number
  /** Longest wait for the head in each try; then `ERR_SLUICE_TRY_TIMEOUT`, held against the target. 0 for none. @default 0 */
  readonly tryTimeoutMs?: number
  /** The wait before a retry is a random time from 0 to this, doubled with each retry. @default 25 */
  readonly backoffMs?: number
  /** What the doubling ends at. @default 250, or `backoffMs` where that is more */
  readonly maxBackoffMs?: number
  /** A `Retry-After` of up to this is waited for; a reply that asks for more goes to the client as it is. @default 1_000 */
  readonly maxRetryAfterMs?: number
  /**
   * How many retries there may be, of all exchanges together: numbers, or a budget that several middlewares share. When it
   * is spent, what came is passed on. @default one of its own: 20 % of the requests, at least 3, and 10 a second
   */
  readonly budget?: RetryBudget | RetryBudgetOptions
}

const NAMES: OptionNames<RetryOptions> = {
  maxRetries: true,
  statuses: true,
  stages: true,
  codes: true,
  grpcStatuses: true,
  methods: true,
  idempotencyKey: true,
  maxBodyBytes: true,
  tryTimeoutMs: true,
  backoffMs: true,
  maxBackoffMs: true,
  maxRetryAfterMs: true,
  budget: true,
}

/**
 * Makes the middleware.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function retry(options: RetryOptions = {}): Middleware {
  strictOption(options, NAMES, 'retry')
  const policy = new RetryPolicy(options)
  return defineMiddleware('retry', (exchange, next) => tryUntilGood(exchange, next, policy))
}

async function tryUntilGood(exchange: Exchange, next: Handler, policy: RetryPolicy): Promise<Reply> {
  const { clock, request } = exchange
  const { budget } = policy
  const isRepeatable = policy.isRepeatable(request)
  if (isRepeatable && policy.maxRetries > 0) keepBody(exchange, policy.maxBodyBytes)
  budget.request(clock.now())
  for (let tryNumber = 1; ; tryNumber++) {
    const branch = exchange.branch()
    branch.set(retryBudget, budget)
    let reply: Reply | undefined
    let error: unknown
    try {
      reply = await tryNext(branch, next, policy.tryTimeoutMs)
    } catch (cause) {
      error = cause
    }
    const reason = policy.reasonFor(reply, error, isRepeatable)
    const delayMs = reason === undefined ? undefined : mayRetry(exchange, policy, tryNumber, reply, reason)
    if (delayMs === undefined) {
      if (reply === undefined) throw error as Error
      return reply
    }
    if (retried.hasSubscribers) retried.publish({ exchange, tryNumber: tryNumber + 1, reason: reason!, delayMs })
    discardBranch(branch, reply)
    // A timer, even one for no time at all, is late by the clock's resolution.
    if (delayMs > 0) await pause(exchange, delayMs)
    if (exchange.aborted !== undefined) throw exchange.aborted
  }
}

/** How long to wait for the next try; missing where there is to be none. */
function mayRetry(
  exchange: Exchange,
  policy: RetryPolicy,
  retryNumber: number,
  reply: Reply | undefined,
  reason: string,
): number | undefined {
  if (retryNumber > policy.maxRetries || exchange.aborted !== undefined) return undefined
  if (!exchange.request.body.canReplay) return undefined
  const delayMs = policy.delayBefore(retryNumber, reply, exchange)
  if (delayMs === undefined || policy.budget.withdraw(exchange.clock.now())) return delayMs
  if (retryRefused.hasSubscribers) retryRefused.publish({ exchange, reason })
  return undefined
}

/** Lets a body that flows be sent again, unless it is known to be too long for that. */
function keepBody({ request }: Exchange, maxBytes: number): void {
  const { body } = request
  if (body.inMemory === undefined && (body.length ?? 0) <= maxBytes) request.body = body.replayable(maxBytes)
}
