/** Where limits are counted: the contract between the middlewares and a store. */
import type { Clock } from '@sluice/wire'
import type { Policy } from '../policy/policy.ts'

/** What became of one policy. */
export interface Outcome {
  /** Whether the cost fitted. */
  readonly admitted: boolean
  /** Units that are left, behind this request. Below 0 where a reply has cost more than there was. */
  readonly remaining: number
  /** Milliseconds until all units are there again, should nothing else be spent. */
  readonly resetMs: number
  /** Where it was not admitted: milliseconds until the same cost can fit. */
  readonly retryAfterMs: number
}

/** A store's answer to one request. */
export interface Decision {
  /** Whether it may pass: `true` where every policy that is no shadow has admitted it. Nothing was charged otherwise. */
  readonly admitted: boolean
  /** In the order of the policies; `undefined` for those that do not apply, or that nobody could be asked about. */
  readonly outcomes: readonly (Outcome | undefined)[]
  /** The store could not be asked, and its options say to refuse then. */
  readonly isUnavailable?: boolean
}

/** The limits of one middleware, opened in a store. */
export interface LimitAccount {
  /**
   * Charges `costs[i]` to `keys[i]` under policy `i`: all of them, or none where one that is no shadow has no room. A key of
   * `undefined` leaves its policy out. Never rejects for what the store does. Both arrays may be kept.
   */
  check(keys: Keys, costs: readonly number[], clock: Clock): Decision | Promise<Decision>
  /** Charges what is known only afterwards, whether it fits or not; a cost below 0 gives units back. Never throws. */
  charge(keys: Keys, costs: readonly number[], clock: Clock): void
  snapshot(): StoreSnapshot
}

/** One for each policy. */
export type Keys = readonly (string | undefined)[]

/** How many may be under way at once. */
export interface QuotaRule {
  readonly name: string
  readonly isNamed: boolean
  readonly max: number
  /** How long a place is kept for a process that says no more. */
  readonly leaseMs: number
  readonly at: string
}

/** A place among those that are under way. */
export interface Place {
  readonly admitted: boolean
  /** How many more could be let in. */
  readonly remaining: number
  /** The store could not be asked, and its options say to refuse then. */
  readonly isUnavailable?: boolean
  /** Gives the place back, once; of no effect where none was taken. */
  free(): void
}

/** The places of one middleware, opened in a store. */
export interface QuotaAccount {
  /** Never rejects for what the store does. */
  take(key: string, clock: Clock): Place | Promise<Place>
  snapshot(): StoreSnapshot
}

/** A store's state as plain data. */
export interface StoreSnapshot {
  readonly kind: string
  /** `down`: it can't be asked at present. */
  readonly state: 'up' | 'down'
  /** How many keys are counted in this process. */
  readonly keys: number
}

/** Makes accounts. One that is given to several middlewares shares its connection among them, not its counts. */
export interface RateLimitStore {
  readonly kind: string
  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` where it can't hold such a policy */
  openLimits(policies: readonly Policy[]): LimitAccount
  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  openQuota(rule: QuotaRule): QuotaAccount
}
