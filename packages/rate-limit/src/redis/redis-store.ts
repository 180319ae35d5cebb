/**
 * Counts in Redis or Valkey, for all processes together: one script, and one round trip, for each request.
 *
 *     const store = redisStore({ client: new Redis('redis://localhost') })
 *     rateLimit({ name: 'per-client', limit: 100, store })
 *
 * No request fails because of Redis, and none waits for it for longer than `storeTimeoutMs`.
 */
import type { Policy } from '../policy/policy.ts'
import type { LimitAccount, QuotaAccount, QuotaRule, RateLimitStore } from '../store/store.ts'
import { assertNamed } from './redis-keys.ts'
import { RedisLimits } from './redis-limits.ts'
import { RedisLink } from './redis-link.ts'
import { type RedisStoreOptions, resolveRedisOptions } from './redis-options.ts'
import { RedisQuota } from './redis-quota.ts'

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function redisStore(options: RedisStoreOptions): RateLimitStore {
  const link = new RedisLink(resolveRedisOptions(options))
  return {
    kind: 'redis',
    openLimits(policies: readonly Policy[]): LimitAccount {
      policies.forEach(assertNamed)
      return new RedisLimits(policies, link)
    },
    openQuota(rule: QuotaRule): QuotaAccount {
      assertNamed(rule)
      return new RedisQuota(rule, link)
    },
  }
}
