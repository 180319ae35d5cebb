/** Sets of methods as options; by default those that are idempotent. */
import { ConfigError, isIdempotent } from '@sluice/core'

/** Compiles a list of methods. @throws {ConfigError} where it is none */
export function methodOption(methods: readonly string[] | undefined, at: string): (method: string) => boolean {
  if (methods === undefined) return isIdempotent
  if (!Array.isArray(methods) || !methods.every((each) => typeof each === 'string' && /^[A-Z][A-Z-]*$/.test(each))) {
    throw new ConfigError(at, 'must be a list of methods, such as ["GET", "HEAD"]')
  }
  const set = new Set<string>(methods)
  return (method) => set.has(method)
}
