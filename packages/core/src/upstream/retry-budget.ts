/**
 * How many attempts beyond the first an upstream is asked for, so that retries never become the storm that keeps failing
 * targets down: a share of the requests of the last ten seconds, and a floor for times with few of them. The shape is
 * Finagle's budget (a share and a floor, over a window); the least number of retries and the share are Envoy's.
 */
import { ConfigError } from '../errors.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'
import { defineSlot, type Slot } from '../slot.ts'

/** What a budget allows. */
export interface RetryBudgetOptions {
  /** Retries for each request of the window. @default 0.2 */
  readonly ratio?: number
  /** So many in a window, however few requests there were. @default 3 */
  readonly minRetries?: number
  /** Further retries a second, whatever the number of requests. @default 10 */
  readonly perSecond?: number
}

const NAMES: OptionNames<RetryBudgetOptions> = {
  ratio: true,
  minRetries: true,
  perSecond: true,
}

const BUCKET_MS = 1_000
const BUCKETS = 10

/**
 * A budget over a window of 10 seconds, which moves on by whole ones: this second and the nine before it. Times are those of
 * a clock's `now()`.
 */
export class RetryBudget {
  readonly #ratio: number
  readonly #minRetries: number
  readonly #floor: number
  readonly #requests = new Float64Array(BUCKETS)
  readonly #retries = new Float64Array(BUCKETS)
  #bucket = 0
  #requestsInWindow = 0
  #retriesInWindow = 0

  /**
   * `at` is the option's place, for messages.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` for an option that is wrong or not known
   */
  constructor(options: RetryBudgetOptions = {}, at = 'retryBudget') {
    strictOption(options, NAMES, at)
    this.#ratio = share(options.ratio ?? 0.2, `${at}.ratio`)
    this.#minRetries = share(options.minRetries ?? 3, `${at}.minRetries`)
    this.#floor = (share(options.perSecond ?? 10, `${at}.perSecond`) * BUCKETS * BUCKET_MS) / 1_000
  }

  /** A request has begun. */
  request(now: number): void {
    this.#turnTo(now)
    this.#requests[this.#bucket % BUCKETS]!++
    this.#requestsInWindow++
  }

  /** Asks for one retry; says whether it may be made. */
  withdraw(now: number): boolean {
    this.#turnTo(now)
    if (this.#retriesInWindow + 1 > this.#allowed) return false
    this.#retries[this.#bucket % BUCKETS]!++
    this.#retriesInWindow++
    return true
  }

  /** The window as plain data. */
  snapshot(now: number): { readonly requests: number; readonly retries: number; readonly allowed: number } {
    this.#turnTo(now)
    return { requests: this.#requestsInWindow, retries: this.#retriesInWindow, allowed: this.#allowed }
  }

  get #allowed(): number {
    return Math.max(this.#minRetries, this.#ratio * this.#requestsInWindow) + this.#floor
  }

  /** Forgets the buckets that the window has left behind. */
  #turnTo(now: number): void {
    const bucket = Math.floor(now / BUCKET_MS)
    if (bucket === this.#bucket) return
    const first = Math.max(this.#bucket + 1, bucket - BUCKETS + 1)
    for (let each = first; each <= bucket; each++) {
      const index = each % BUCKETS
      this.#requestsInWindow -= this.#requests[index]!
      this.#retriesInWindow -= this.#retries[index]!
      this.#requests[index] = this.#retries[index] = 0
    }
    this.#bucket = bucket
  }
}

/** The budget that attempts of an exchange draw from, where it is not their upstream's: set by a retry middleware. */
export const retryBudget: Slot<'core.retry-budget', RetryBudget> = defineSlot<RetryBudget>()('core.retry-budget')

function share(value: number, at: string): number {
  if (!(Number.isFinite(value) && value >= 0)) throw new ConfigError(at, 'must be a number of at least 0')
  return value
}
