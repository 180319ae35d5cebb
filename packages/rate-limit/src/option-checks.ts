/** Checks of single options, done once when something is built. Each gives the value, or throws with the option's path. */
import { ConfigError } from '@sluice/core'

/** A finite number above 0. */
export function positiveOption(value: number | undefined, fallback: number | undefined, at: string): number {
  const number = value ?? fallback
  if (number !== undefined && Number.isFinite(number) && number > 0) return number
  throw new ConfigError(at, 'must be a number above 0')
}

/** A whole number from `min` to `max`. */
export function wholeOption(
  value: number | undefined,
  fallback: number,
  at: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  const number = value ?? fallback
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number
  const span = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  throw new ConfigError(at, `must be a whole number ${span}`)
}

/** One of a few words. */
export function wordOption<T extends string>(value: T | undefined, fallback: T, words: readonly T[], at: string): T {
  const word = value ?? fallback
  if (words.includes(word)) return word
  throw new ConfigError(at, `must be one of ${words.map((each) => `"${each}"`).join(', ')}`)
}

/** True or false. */
export function flagOption(value: boolean | undefined, at: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw new ConfigError(at, 'must be true or false')
}

/** The name of a header field (RFC 9110, section 5.6.2), in lower case. */
export function fieldOption(name: unknown, at: string): string {
  if (typeof name === 'string' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return name.toLowerCase()
  throw new ConfigError(at, 'must be the name of a header field')
}

/** A string that may stand in a structured field (RFC 9651, section 3.3.3). */
export function nameOption(name: unknown, at: string): string {
  if (typeof name === 'string' && /^[\x20-\x7e]+$/.test(name)) return name
  throw new ConfigError(at, 'must be a string of visible ASCII')
}

/** An object, which a typo or a string in its place is not. */
export function objectOption<T extends object>(value: T | undefined, at: string): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new ConfigError(at, 'must be an object')
}
