/**
 * Checks of single options, for whoever writes a part that is configured: done once, when it is built. Each gives the value, or the
 * fallback where there is none, and throws `ConfigError` with the option's path otherwise. `@sluice/core/options`.
 */
import { ConfigError, ProxyError } from '../errors.ts'

/** A finite number from `min` to `max`. */
export function numberOption(
  value: number | undefined,
  fallback: number,
  at: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  const number = value ?? fallback
  if (Number.isFinite(number) && number >= min && number <= max) return number
  throw new ConfigError(at, `must be a number ${spanOf(min, max)}`)
}

/** A finite number above 0. Without a fallback it has to be there. */
export function positiveOption(value: number | undefined, fallback: number | undefined, at: string): number {
  const number = value ?? fallback
  if (number !== undefined && Number.isFinite(number) && number > 0) return number
  throw new ConfigError(at, 'must be a number above 0')
}

/** Milliseconds, at least 0. */
export function durationOption(value: number | undefined, fallback: number, at: string): number {
  const duration = value ?? fallback
  if (Number.isFinite(duration) && duration >= 0) return duration
  throw new ConfigError(at, 'must be a number of milliseconds, at least 0')
}

/** Milliseconds, at least 0, or nothing. */
export function optionalDuration(value: number | undefined, at: string): number | undefined {
  return value === undefined ? undefined : durationOption(value, 0, at)
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
  throw new ConfigError(at, `must be a whole number ${spanOf(min, max)}`)
}

/** One of a few words. */
export function wordOption<T extends string>(value: T | undefined, fallback: T, words: readonly T[], at: string): T {
  const word = value ?? fallback
  if (words.includes(word)) return word
  throw new ConfigError(at, `must be one of ${words.map((each) => `"${each}"`).join(', ')}`)
}

/** True or false. */
export function flagOption(value: boolean | undefined, fallback: boolean, at: string): boolean {
  const flag = value ?? fallback
  if (typeof flag === 'boolean') return flag
  throw new ConfigError(at, 'must be true or false')
}

/** A function, or nothing. */
export function functionOption<T>(value: T | undefined, at: string): T | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw new ConfigError(at, 'must be a function')
}

/** A token, such as the name of a cookie (RFC 9110, section 5.6.2). */
export function tokenOption(value: unknown, at: string): string {
  if (typeof value === 'string' && TOKEN.test(value)) return value
  throw new ConfigError(at, 'must be a token (RFC 9110, section 5.6.2)')
}

/** The name of a header field, in lower case. */
export function fieldOption(name: unknown, at: string): string {
  if (typeof name === 'string' && TOKEN.test(name)) return name.toLowerCase()
  throw new ConfigError(at, 'must be the name of a header field')
}

/** Names of header fields, in lower case. */
export function fieldsOption(
  names: readonly string[] | undefined,
  fallback: readonly string[],
  at: string,
): readonly string[] {
  const list = names ?? fallback
  if (!Array.isArray(list)) throw new ConfigError(at, 'must be a list of names of header fields')
  return list.map((name: unknown, index) => fieldOption(name, `${at}[${index}]`))
}

/** A string that is not empty. */
export function textOption(value: unknown, at: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new ConfigError(at, 'must be a string that is not empty')
}

/** A string that may stand in a structured field (RFC 9651, section 3.3.3). */
export function nameOption(name: unknown, at: string): string {
  if (typeof name === 'string' && /^[\x20-\x7e]+$/.test(name)) return name
  throw new ConfigError(at, 'must be a string of visible ASCII')
}

/** One string or several, none of them empty. */
export function textsOption(value: unknown, at: string): readonly string[] {
  if (!Array.isArray(value)) return [textOption(value, at)]
  if (value.length === 0) throw new ConfigError(at, 'must not be an empty list')
  return value.map((each: unknown, index) => textOption(each, `${at}[${index}]`))
}

/** An object, which a typo or a string in its place is not. */
export function objectOption<T extends object>(value: T | undefined, at: string): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new ConfigError(at, 'must be an object')
}

/** The names of all options of a type, such as `{ weight: true, zone: true }`: one that is missing does not compile. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>

/**
 * An object with no other names than these: where one is misspelt, its default would hold, and nobody would see why. A plain list of
 * names is for those that are put together of several; nothing sees there that it is complete. An empty `at` is for options whose
 * places are their names alone.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` at the first name that is not known
 */
export function strictOption<T extends object>(
  value: T | undefined,
  names: readonly string[] | OptionNames<T>,
  at: string,
): T {
  const object = objectOption(value, at === '' ? 'options' : at)
  const known: readonly string[] = Array.isArray(names) ? names : Object.keys(names)
  const unknown = Object.keys(object).find((name) => !known.includes(name))
  if (unknown === undefined) return object
  throw new ConfigError(at === '' ? unknown : `${at}.${unknown}`, `is not known: there are ${known.join(', ')}`)
}

/**
 * What a factory makes. One that was given without its parentheses takes its services for options, or gives a function: that is told when the
 * gateway is built, and not by the first request. `isOne` knows what was wanted, and `wanted` says it.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, or what the factory throws
 */
export function madeOption<S, T>(
  create: (services: S) => T,
  services: S,
  isOne: (made: Partial<T> | undefined) => boolean,
  at: string,
  wanted: string,
): T {
  let made: T | undefined
  try {
    made = typeof create === 'function' ? create(services) : undefined
  } catch (error) {
    if (!refusesItsOptions(create.name, error)) throw error
  }
  if (isOne(made)) return made as T
  throw new ConfigError(at, `must be ${wanted}`)
}

function refusesItsOptions(name: string, error: unknown): boolean {
  if (!ProxyError.is(error) || error.code !== 'ERR_SLUICE_CONFIG') return false
  return name !== '' && (error as ConfigError).path.startsWith(`${name}.`)
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function spanOf(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
}
