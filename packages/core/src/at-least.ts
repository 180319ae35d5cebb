/** A bound that numbers among the options have in common. */
import { ConfigError } from './errors.ts'

/** @throws {ConfigError} where `value` is no finite number of at least `minimum`; `at` is the option's place */
export function atLeast(minimum: number, value: number, at: string): number {
  if (Number.isFinite(value) && value >= minimum) return value
  throw new ConfigError(at, `must be a number of at least ${minimum}`)
}
