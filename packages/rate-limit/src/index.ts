export {
  rateLimit,
  type PolicySnapshot,
  type RateLimit,
  type RateLimitOptions,
  type RateLimitSnapshot,
} from './rate-limit.ts'
export type { Algorithm, CostOption, PolicyDefaults, PolicyOptions, ReplyCostOption } from './policy/policy-options.ts'
export {
  concurrencyQuota,
  type ConcurrencyQuota,
  type ConcurrencyQuotaOptions,
  type ConcurrencyQuotaSnapshot,
} from './concurrency-quota.ts'
export type { KeyOption } from './keys/key-option.ts'
export type { BypassOptions } from './bypass.ts'
export type { FieldFamily, FieldsOption } from './fields/reply-fields.ts'
export { memoryStore, type MemoryStoreOptions } from './memory/memory-store.ts'
export { redisStore } from './redis/redis-store.ts'
export type { OnStoreError, RedisStoreOptions } from './redis/redis-options.ts'
export type { RedisClient } from './redis/redis-client.ts'
export type { Policy } from './policy/policy.ts'
export type {
  Decision,
  Keys,
  LimitAccount,
  Outcome,
  Place,
  QuotaAccount,
  QuotaRule,
  RateLimitStore,
  StoreSnapshot,
} from './store/store.ts'
export { QUOTA_EXCEEDED } from './refusal.ts'
export {
  keysExhausted,
  limitRefused,
  storeFailed,
  storeRecovered,
  type KeysExhaustedEvent,
  type LimitRefusedEvent,
  type StoreFailedEvent,
  type StoreRecoveredEvent,
} from './events.ts'
