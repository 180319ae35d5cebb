/** Checks of single options, done once when something is built. Each gives the value, or throws with the option's path. */
import { ConfigError } from '@sluice/core'

/** Milliseconds, 0 for none; `undefined` stays. */
export function durationOption(value: number | undefined, at: string): number | undefined {
  if (value === undefined || (Number.isFinite(value) && value >= 0)) return value
  throw new ConfigError(at, 'must be a number of milliseconds, 0 for none')
}

/** A whole number from `min` to `max`. */
export function wholeOption(value: number, at: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new ConfigError(at, `must be a whole number of at least ${min}`)
}

/** A function, or nothing. */
export function functionOption<T>(value: T | undefined, at: string): T | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw new ConfigError(at, 'must be a function')
}
