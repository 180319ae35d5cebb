/** How much a cache of verdicts keeps, and for how long. */
import { durationOption, strictOption, textOption, wholeOption } from '@sluice/core/options'

/** Options of `authCache`. */
export interface AuthCacheOptions {
  /** What events and snapshots call it. @default 'auth' */
  readonly name?: string
  /** How many accepted credentials at least are kept; at most twice as many. @default 10_000 */
  readonly maxEntries?: number
  /**
   * How long somebody stays accepted without being looked at again; never beyond what the credential itself says. So long
   * can it take until a password that was changed, or a token that was revoked, is noticed: see `invalidate` of the cache.
   * @default 60_000
   */
  readonly ttlMs?: number
  /** The same for those who were refused; 0 keeps no refusals. @default 2_000 */
  readonly refusedTtlMs?: number
  /** How many refused credentials at least are kept; at most twice as many. @default 1_000 */
  readonly maxRefused?: number
}

const NAMES = ['name', 'maxEntries', 'ttlMs', 'refusedTtlMs', 'maxRefused']

/** @throws {ConfigError} `ERR_SLUICE_CONFIG`; `at` is the place of the options */
export function resolveAuthCache(options: AuthCacheOptions, at: string): Required<AuthCacheOptions> {
  const { name, maxEntries, ttlMs, refusedTtlMs, maxRefused } = strictOption(options, NAMES, at)
  return {
    name: textOption(name ?? 'auth', `${at}.name`),
    maxEntries: wholeOption(maxEntries, 10_000, `${at}.maxEntries`, 1),
    ttlMs: durationOption(ttlMs, 60_000, `${at}.ttlMs`),
    refusedTtlMs: durationOption(refusedTtlMs, 2_000, `${at}.refusedTtlMs`),
    maxRefused: wholeOption(maxRefused, 1_000, `${at}.maxRefused`, 1),
  }
}
