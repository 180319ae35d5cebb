/** What is retried, and after how long: the options of `retry`, checked once, and the decisions that follow from them. */
import {
  type AnyProxyError,
  ConfigError,
  type ErrorStage,
  type Exchange,
  type ExchangeRequest,
  ProxyError,
  type Reply,
  type RetryBudget,
  type UpstreamErrorCode,
} from '@sluice/core'
import { numberOption, wholeOption } from '@sluice/core/options'
import { StatusSet } from '../status-set.ts'
import { budgetOption } from './budget-option.ts'
import { methodOption } from './method-set.ts'
import { retryAfterOf } from './retry-after.ts'
import type { RetryOptions } from './retry.ts'

const DEFAULT_STATUSES = [502, 503, 504] as const
const DEFAULT_STAGES: readonly ErrorStage[] = ['connect', 'tls', 'response-head']

export class RetryPolicy {
  readonly maxRetries: number
  readonly maxBodyBytes: number
  readonly tryTimeoutMs: number
  readonly budget: RetryBudget
  readonly #statuses: StatusSet
  readonly #grpcStatuses: ReadonlySet<string>
  readonly #stages: ReadonlySet<ErrorStage>
  readonly #codes: ReadonlySet<string>
  readonly #isRepeatable: (method: string) => boolean
  readonly #idempotencyKey: boolean
  readonly #backoffMs: number
  readonly #maxBackoffMs: number
  readonly #maxRetryAfterMs: number

  /** @throws {ConfigError} where an option is wrong */
  constructor(options: RetryOptions) {
    this.maxRetries = wholeOption(options.maxRetries, 2, 'retry.maxRetries', 0)
    this.maxBodyBytes = wholeOption(options.maxBodyBytes, 65_536, 'retry.maxBodyBytes', 0)
    this.tryTimeoutMs = numberOption(options.tryTimeoutMs, 0, 'retry.tryTimeoutMs', 0)
    this.budget = budgetOption(options.budget, 'retry.budget')
    this.#statuses = new StatusSet(options.statuses ?? DEFAULT_STATUSES, 'retry.statuses')
    this.#grpcStatuses = grpcStatusOption(options.grpcStatuses ?? [], 'retry.grpcStatuses')
    this.#stages = new Set(listOption(options.stages ?? DEFAULT_STAGES, 'retry.stages'))
    this.#codes = new Set(listOption<UpstreamErrorCode>(options.codes ?? [], 'retry.codes'))
    this.#isRepeatable = methodOption(options.methods, 'retry.methods')
    this.#idempotencyKey = options.idempotencyKey ?? false
    this.#backoffMs = numberOption(options.backoffMs, 25, 'retry.backoffMs', 0)
    const maxBackoffMs = Math.max(250, this.#backoffMs)
    this.#maxBackoffMs = numberOption(options.maxBackoffMs, maxBackoffMs, 'retry.maxBackoffMs', this.#backoffMs)
    this.#maxRetryAfterMs = numberOption(options.maxRetryAfterMs, 1_000, 'retry.maxRetryAfterMs', 0)
  }

  /** Whether a target may get the request twice. An upgrade never may: who knows what its first try has begun. */
  isRepeatable(request: ExchangeRequest): boolean {
    if (request.upgrade !== undefined) return false
    return this.#isRepeatable(request.method) || (this.#idempotencyKey && request.headers.has('idempotency-key'))
  }

  /** The reason for another try, as a status or an error's code; missing where there is none. */
  reasonFor(outcome: Reply | undefined, error: unknown, isRepeatable: boolean): string | undefined {
    const failure = outcome === undefined ? error : outcome.error
    if (failure !== undefined) {
      // What was refused here, or is a fault of the proxy's own, would only be so again.
      if (!ProxyError.is(failure) || failure.source !== 'upstream' || !this.#isListed(failure)) return undefined
      return isRepeatable || failure.retry === 'safe' ? failure.code : undefined
    }
    return isRepeatable ? this.#reasonIn(outcome!) : undefined
  }

  /** How long to wait before the retry of this number (1, 2, ...); missing where it had better not be made. */
  delayBefore(retryNumber: number, reply: Reply | undefined, exchange: Exchange): number | undefined {
    // "Full jitter" (Brooker, "Exponential Backoff And Jitter", AWS 2015): anywhere from 0 to the bound.
    const bound = Math.min(this.#maxBackoffMs, this.#backoffMs * 2 ** (retryNumber - 1))
    const jitterMs = exchange.settings.random() * bound
    const askedMs = reply === undefined ? undefined : retryAfterOf(reply, exchange)
    if (askedMs !== undefined && askedMs > this.#maxRetryAfterMs) return undefined
    const delayMs = (askedMs ?? 0) + jitterMs
    return delayMs < exchange.remainingMs ? delayMs : undefined
  }

  #reasonIn({ status, headers }: Reply): string | undefined {
    if (this.#statuses.has(status)) return String(status)
    if (this.#grpcStatuses.size === 0) return undefined
    // In the head only where there is nothing behind it; otherwise the client has begun to read.
    const grpcStatus = headers.get('grpc-status')
    return grpcStatus !== undefined && this.#grpcStatuses.has(grpcStatus) ? `grpc-${grpcStatus}` : undefined
  }

  #isListed(error: AnyProxyError): boolean {
    if (this.#codes.has(error.code)) return true
    // The time that `forward` gives to all of its work is not per try, unless somebody says so.
    return this.#stages.has(error.stage) && error.code !== 'ERR_SLUICE_TOTAL_TIMEOUT'
  }
}

function grpcStatusOption(list: readonly number[], at: string): ReadonlySet<string> {
  const isList: boolean = Array.isArray(list) && list.every((each) => Number.isInteger(each) && each > 0 && each <= 16)
  if (isList) return new Set(list.map(String))
  throw new ConfigError(at, 'must be a list of whole numbers from 1 to 16')
}

function listOption<T extends string>(list: readonly T[], at: string): readonly T[] {
  const isList: boolean = Array.isArray(list) && list.every((each) => typeof each === 'string')
  if (isList) return list
  throw new ConfigError(at, 'must be a list of names')
}
