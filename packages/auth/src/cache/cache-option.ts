/** The option `cache`, as all strategies have it that can be slow. */
import { ConfigError } from '@sluice/core'
import type { AuthCacheOptions } from './auth-cache-options.ts'
import { AuthCache } from './auth-cache.ts'

/** A cache that is shared, the options of one of its own, or `true` for one as it comes; `false` for none. */
export type CacheOption = AuthCache | AuthCacheOptions | boolean

/**
 * `name` is the strategy's scheme, for a cache that has no name of its own.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function resolveCache(
  option: CacheOption | undefined,
  fallback: boolean,
  name: string,
  at: string,
): AuthCache | undefined {
  const value = option ?? fallback
  if (value === false) return undefined
  if (value === true) return new AuthCache({ name }, at)
  if (value instanceof AuthCache) return value.forStrategy()
  if (typeof value !== 'object') throw new ConfigError(at, 'must be a cache, its options, true or false')
  return new AuthCache({ name, ...value }, at)
}
