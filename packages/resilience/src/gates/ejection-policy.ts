/** When a target is ejected, and for how long: Envoy's outlier detection with its numbers. */
import { numberOption, type OptionNames, strictOption, wholeOption } from '@sluice/core/options'

/** Options of `outlierEjection`. */
export interface OutlierEjectionOptions {
  /** Ejected after this many replies 502, 503 or 504, or attempts without a whole reply, in a row. `0` for never. @default 5 */
  readonly consecutiveGatewayErrors?: number
  /** Ejected after this many replies 5xx, or attempts without a whole reply, in a row. `0` for never. @default 5 */
  readonly consecutiveServerErrors?: number
  /** How often success rates are compared, and the memory of past ejections fades, in milliseconds. @default 10_000 */
  readonly sweepMs?: number
  /** Ejected with a success rate this many standard deviations below the mean. `0` for never. @default 1.9 */
  readonly successRateFactor?: number
  /** Success rates are compared where at least this many targets have enough results. @default 5 */
  readonly successRateMinTargets?: number
  /** Enough results, within one sweep. @default 100 */
  readonly successRateMinVolume?: number
  /** How long the first ejection lasts, in milliseconds; the n-th in close succession lasts n times as long. @default 30_000 */
  readonly ejectionMs?: number
  /** The longest ejection, in milliseconds. @default 300_000 */
  readonly maxEjectionMs?: number
  /** Up to this share of the time is added to it by chance, so that many do not come back at once. @default 0.1 */
  readonly jitter?: number
  /** At most this share of the targets is ejected at once, 0 to 1; one always may be. @default 0.1 */
  readonly maxEjectedShare?: number
}

const NAMES: OptionNames<OutlierEjectionOptions> = {
  consecutiveGatewayErrors: true,
  consecutiveServerErrors: true,
  sweepMs: true,
  successRateFactor: true,
  successRateMinTargets: true,
  successRateMinVolume: true,
  ejectionMs: true,
  maxEjectionMs: true,
  jitter: true,
  maxEjectedShare: true,
}

/** {@link OutlierEjectionOptions}, checked and complete. */
export type EjectionPolicy = Readonly<Required<OutlierEjectionOptions>>

const AT = 'outlierEjection'

/** @throws {ConfigError} where an option is out of range */
export function ejectionPolicy(options: OutlierEjectionOptions): EjectionPolicy {
  strictOption(options, NAMES, AT)
  const ejectionMs = numberOption(options.ejectionMs, 30_000, `${AT}.ejectionMs`, 1)
  return Object.freeze({
    consecutiveGatewayErrors: wholeOption(options.consecutiveGatewayErrors, 5, `${AT}.consecutiveGatewayErrors`, 0),
    consecutiveServerErrors: wholeOption(options.consecutiveServerErrors, 5, `${AT}.consecutiveServerErrors`, 0),
    sweepMs: numberOption(options.sweepMs, 10_000, `${AT}.sweepMs`, 1),
    successRateFactor: numberOption(options.successRateFactor, 1.9, `${AT}.successRateFactor`, 0),
    successRateMinTargets: wholeOption(options.successRateMinTargets, 5, `${AT}.successRateMinTargets`, 1),
    successRateMinVolume: wholeOption(options.successRateMinVolume, 100, `${AT}.successRateMinVolume`, 1),
    ejectionMs,
    maxEjectionMs: numberOption(
      options.maxEjectionMs,
      Math.max(300_000, ejectionMs),
      `${AT}.maxEjectionMs`,
      ejectionMs,
    ),
    jitter: numberOption(options.jitter, 0.1, `${AT}.jitter`, 0, 1),
    maxEjectedShare: numberOption(options.maxEjectedShare, 0.1, `${AT}.maxEjectedShare`, 0, 1),
  })
}
