/** When a breaker opens, for how long, and how it finds its way back: what the gate and the middleware have in common. */
import { ConfigError } from '@sluice/core'
import { numberOption, type OptionNames, wholeOption } from '@sluice/core/options'

/** Options of a breaker's state machine. */
export interface BreakerOptions {
  /** Opens after this many failures in a row. `0` for never. @default 5 */
  readonly consecutiveFailures?: number
  /** Opens when this share of the results in the window are failures, 0 to 1. `0` for never. @default 0.5 */
  readonly failureRatio?: number
  /** Fewer results than this in the window say nothing about their ratio. @default 20 */
  readonly minVolume?: number
  /** How far the ratio looks back, in milliseconds; it moves on in steps of a tenth. @default 10_000 */
  readonly windowMs?: number
  /** How long it stays open the first time, in milliseconds; doubles each time that it opens again. @default 10_000 */
  readonly openMs?: number
  /** What the doubling ends at, in milliseconds. @default 120_000 */
  readonly maxOpenMs?: number
  /** Up to this share of the time is added to it by chance, so that many do not come back at once. @default 0.1 */
  readonly jitter?: number
  /** Half-open, at most this many probes are under way: one at first, one more after each success. @default 5 */
  readonly maxProbes?: number
  /** Closes after this many successful probes. A probe that fails opens it again. @default 5 */
  readonly successesToClose?: number
}

export const BREAKER_NAMES: OptionNames<BreakerOptions> = {
  consecutiveFailures: true,
  failureRatio: true,
  minVolume: true,
  windowMs: true,
  openMs: true,
  maxOpenMs: true,
  jitter: true,
  maxProbes: true,
  successesToClose: true,
}

/** {@link BreakerOptions}, checked and complete. */
export type BreakerPolicy = Readonly<Required<BreakerOptions>>

/**
 * Checks the options of a breaker; `at` is the path of the object that holds them.
 * @throws {ConfigError} where one is out of range, or nothing could ever open the breaker
 */
export function breakerPolicy(options: BreakerOptions, at: string): BreakerPolicy {
  const openMs = numberOption(options.openMs, 10_000, `${at}.openMs`, 1)
  const policy: BreakerPolicy = {
    consecutiveFailures: wholeOption(options.consecutiveFailures, 5, `${at}.consecutiveFailures`, 0),
    failureRatio: numberOption(options.failureRatio, 0.5, `${at}.failureRatio`, 0, 1),
    minVolume: wholeOption(options.minVolume, 20, `${at}.minVolume`, 1),
    windowMs: numberOption(options.windowMs, 10_000, `${at}.windowMs`, 10),
    openMs,
    maxOpenMs: numberOption(options.maxOpenMs, Math.max(120_000, openMs), `${at}.maxOpenMs`, openMs),
    jitter: numberOption(options.jitter, 0.1, `${at}.jitter`, 0, 1),
    maxProbes: wholeOption(options.maxProbes, 5, `${at}.maxProbes`, 1),
    successesToClose: wholeOption(options.successesToClose, 5, `${at}.successesToClose`, 1),
  }
  if (policy.consecutiveFailures === 0 && policy.failureRatio === 0) {
    throw new ConfigError(at, 'needs consecutiveFailures or failureRatio: nothing would ever open it')
  }
  return Object.freeze(policy)
}
