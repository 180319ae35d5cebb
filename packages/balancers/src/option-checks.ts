/** What options of several balancers are checked for, once, when they are built. */
import { ConfigError } from '@sluice/core'

/** @throws {ConfigError} where `value` is no finite number from `minimum` to `maximum`; `at` is the option's place */
export function numberIn(minimum: number, maximum: number, value: number, at: string): number {
  if (Number.isFinite(value) && value >= minimum && value <= maximum) return value
  throw new ConfigError(at, `must be a number ${rangeText(minimum, maximum)}`)
}

/** @throws {ConfigError} where `value` is no whole number from `minimum` to `maximum` */
export function wholeNumberIn(minimum: number, maximum: number, value: number, at: string): number {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value
  throw new ConfigError(at, `must be a whole number ${rangeText(minimum, maximum)}`)
}

/** A field name, or the name of a cookie (RFC 9110, section 5.6.2). */
export function isToken(text: unknown): text is string {
  return typeof text === 'string' && /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(text)
}

function rangeText(minimum: number, maximum: number): string {
  return maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`
}
