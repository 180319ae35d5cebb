/** Checks of single options, done once when something is built. Each gives the value, or throws with the option's path. */
import { ConfigError } from '@sluice/core'

/** A finite number from `min` to `max`. */
export function numberOption(
  value: number | undefined,
  fallback: number,
  at: string,
  min: number,
  max?: number,
): number {
  const number = value ?? fallback
  if (Number.isFinite(number) && number >= min && number <= (max ?? Number.POSITIVE_INFINITY)) return number
  throw new ConfigError(at, `must be a number ${spanOf(min, max)}`)
}

/** A whole number from `min` to `max`. */
export function wholeOption(
  value: number | undefined,
  fallback: number,
  at: string,
  min: number,
  max?: number,
): number {
  const number = value ?? fallback
  if (Number.isSafeInteger(number) && number >= min && number <= (max ?? Number.POSITIVE_INFINITY)) return number
  throw new ConfigError(at, `must be a whole number ${spanOf(min, max)}`)
}

/** A function, or nothing. */
export function functionOption<T>(value: T | undefined, at: string): T | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw new ConfigError(at, 'must be a function')
}

function spanOf(min: number, max: number | undefined): string {
  return max === undefined ? `of at least ${min}` : `from ${min} to ${max}`
}
