/** What a fetch is for, what all fetches share, and what comes of one (see fetch.ts). */
import type { Exchange, Handler, Reply } from '@sluice/core'
import type { CacheCounters } from '../cache-counters.ts'
import type { CachePlan } from '../cache-options.ts'
import type { RequestDirectives } from '../directives/request-directives.ts'
import type { CacheKeys } from '../key/cache-key.ts'
import type { Finder, Lookup } from '../lookup.ts'
import type { Recorder } from '../recorder.ts'
import type { GuardedStore } from '../store/guarded-store.ts'
import type { PurgeLog } from '../store/purge-log.ts'
import type { Flight, SharedReply } from './flight.ts'
import type { UncacheableTable } from './uncacheable-table.ts'

/** What all fetches of a cache share. */
export interface FetchParts {
  readonly plan: CachePlan
  readonly store: GuardedStore
  readonly keys: CacheKeys
  readonly finder: Finder
  readonly recorder: Recorder
  readonly counters: CacheCounters
  readonly uncacheable: UncacheableTable
  /** Of this process, and of others as far as the store tells of them. */
  readonly purges: PurgeLog
}

/** What a fetch is for. */
export interface FetchTask {
  /** Of the client whose request it is, who may have left. */
  readonly exchange: Exchange
  readonly next: Handler
  readonly lookup: Lookup
  readonly directives: RequestDirectives | undefined
  readonly flight: Flight
  /** Nobody waits for it. */
  readonly isBackground: boolean
  readonly keyOf: () => string
}

/** What the leader gets. */
export type Fetched =
  /** A stored response. `status` is the upstream's answer; missing where there was none. */
  | {
      readonly kind: 'entry'
      readonly shared: SharedReply
      readonly status: number | undefined
      readonly how: Validation
      readonly cookies: readonly string[]
    }
  /** The upstream's reply, which is being stored as well. */
  | { readonly kind: 'stored'; readonly shared: SharedReply; readonly reply: Reply }
  /** The upstream's reply, his alone. */
  | { readonly kind: 'alone'; readonly reply: Reply; readonly reason: string | undefined }
  /** Another process has fetched it: look again. */
  | { readonly kind: 'again' }

/** How a stored response came to be used. */
export type Validation = 'confirmed' | 'stale-if-error' | 'variant'
