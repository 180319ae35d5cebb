/** What this package reports, as `sluice:cache:<event>`. Nothing is built for an event that nobody listens to. */
import { defineEvent, type EventChannel, type Exchange } from '@sluice/core'
import type { StoreRefusal } from './policy/storability.ts'
import type { ForwardReason } from './reply/cache-status.ts'
import type { PurgeSelector } from './store/store.ts'

/** A request was answered from what was stored. */
export interface CacheHitEvent {
  readonly exchange: Exchange
  readonly url: string
  /** In milliseconds, as `Age` tells it. */
  readonly ageMs: number
  readonly stale: boolean
}

/** A request went on. */
export interface CacheMissEvent {
  readonly exchange: Exchange
  readonly reason: ForwardReason
  /** Whether it shared the fetch of another request. */
  readonly collapsed: boolean
}

/** A response is stored. */
export interface CacheStoredEvent {
  readonly url: string
  readonly status: number
  readonly bodyBytes: number
  readonly freshMs: number
}

/** A response was not stored. */
export interface CacheRefusedEvent {
  readonly url: string
  readonly status: number
  readonly reason: StoreRefusal
}

export interface CachePurgedEvent {
  readonly selector: PurgeSelector
  readonly soft: boolean
  /** How many entries it hit in this process, as far as known. */
  readonly entries: number
}

/** A stored response was asked about. */
export interface CacheRevalidatedEvent {
  readonly url: string
  /** It still holds; another has come; the upstream could not say. */
  readonly outcome: 'confirmed' | 'replaced' | 'failed'
  /** Whether no client waited for it. */
  readonly background: boolean
}

/** A store could not do what it was asked. The client is served all the same. */
export interface CacheStoreFailedEvent {
  readonly store: string
  readonly operation: 'get' | 'put' | 'update' | 'delete' | 'purge' | 'lease'
  readonly error: Error
}

/** A store is asked again. */
export interface CacheStoreRecoveredEvent {
  readonly store: string
  /** How long it was not. */
  readonly downMs: number
}

/** What a store has kept is damaged or not all there: it is removed, and was a miss. */
export interface CacheEntryCorruptEvent {
  readonly store: string
  readonly key: string
}

/** `sluice:cache:hit` */
export const cacheHit: EventChannel<CacheHitEvent> = defineEvent<CacheHitEvent>('cache', 'hit')
/** `sluice:cache:miss` */
export const cacheMiss: EventChannel<CacheMissEvent> = defineEvent<CacheMissEvent>('cache', 'miss')
/** `sluice:cache:stored` */
export const cacheStored: EventChannel<CacheStoredEvent> = defineEvent<CacheStoredEvent>('cache', 'stored')
/** `sluice:cache:refused` */
export const cacheRefused: EventChannel<CacheRefusedEvent> = defineEvent<CacheRefusedEvent>('cache', 'refused')
/** `sluice:cache:purged` */
export const cachePurged: EventChannel<CachePurgedEvent> = defineEvent<CachePurgedEvent>('cache', 'purged')
/** `sluice:cache:revalidated` */
export const cacheRevalidated: EventChannel<CacheRevalidatedEvent> = defineEvent<CacheRevalidatedEvent>(
  'cache',
  'revalidated',
)
/** `sluice:cache:store-failed` */
export const cacheStoreFailed: EventChannel<CacheStoreFailedEvent> = defineEvent<CacheStoreFailedEvent>(
  'cache',
  'store-failed',
)
/** `sluice:cache:store-recovered` */
export const cacheStoreRecovered: EventChannel<CacheStoreRecoveredEvent> = defineEvent<CacheStoreRecoveredEvent>(
  'cache',
  'store-recovered',
)
/** `sluice:cache:entry-corrupt` */
export const cacheEntryCorrupt: EventChannel<CacheEntryCorruptEvent> = defineEvent<CacheEntryCorruptEvent>(
  'cache',
  'entry-corrupt',
)
