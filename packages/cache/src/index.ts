export { httpCache, type HttpCache, type HttpCacheSnapshot } from './http-cache.ts'
export type { CacheRouteOptions, HttpCacheOptions } from './cache-options.ts'
export type { KeyOptions } from './key/key-options.ts'
export type { SetCookiePolicy } from './policy/stored-fields.ts'
export type { StoreRefusal } from './policy/storability.ts'
export type { TtlOption } from './policy/ttl-table.ts'
export type { ForwardReason } from './reply/cache-status.ts'
export { purgeMethod, type PurgeMethodOptions } from './invalidation/purge-method.ts'
export { cacheGroupTag } from './invalidation/tags.ts'
export {
  cacheEntryCorrupt,
  cacheHit,
  cacheMiss,
  cachePurged,
  cacheRefused,
  cacheRevalidated,
  cacheStored,
  cacheStoreFailed,
  cacheStoreRecovered,
  type CacheEntryCorruptEvent,
  type CacheHitEvent,
  type CacheMissEvent,
  type CachePurgedEvent,
  type CacheRefusedEvent,
  type CacheRevalidatedEvent,
  type CacheStoredEvent,
  type CacheStoreFailedEvent,
  type CacheStoreRecoveredEvent,
} from './events.ts'
export type {
  CacheLease,
  CacheStore,
  CacheStoreFactory,
  CacheStoreServices,
  CacheStoreSnapshot,
  EntryHead,
  EntryWriter,
  PurgeOptions,
  PurgeSelector,
  StoredEntry,
} from './store/store.ts'
export { memoryStore, type MemoryStore } from './store/memory/memory-store.ts'
export type { MemoryStoreOptions } from './store/memory/memory-options.ts'
export { redisStore, type RedisStore } from './store/redis/redis-store.ts'
export type { RedisStoreOptions } from './store/redis/redis-options.ts'
export type { RedisClient, RedisListener } from './store/redis/redis-client.ts'
export { diskStore, type DiskStore } from './store/disk/disk-store.ts'
export type { DiskStoreOptions } from './store/disk/disk-options.ts'
export { tieredStore, type TieredStore, type TieredStoreOptions } from './store/tiered/tiered-store.ts'
