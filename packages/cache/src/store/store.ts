/**
 * Where responses are kept. A store knows nothing of HTTP's rules: it keeps entries under keys, forgets them when their time is
 * over or its bytes are, and finds those that a purge means. What may be kept and used is the cache's business.
 *
 * Nothing of a store's troubles reaches a client: a look-up that fails is a miss, a write that fails is not kept. A look-up in
 * memory answers at once, without a promise; others answer later.
 */
import type { BodySource, Clock } from '@sluice/wire'

/** What is kept of a response beside its body. Plain data: it survives JSON. Times are milliseconds since the Unix epoch. */
export interface EntryHead {
  /** Made anew for each stored response: tells it from what stood under the same key before. */
  readonly id: string
  readonly status: number
  /** `[name, value, name, value, ...]`, as they are to be sent. */
  readonly headers: readonly string[]
  /** When the request for it was sent, and when its head arrived (RFC 9111, section 4.2.3). */
  readonly requestedAt: number
  readonly respondedAt: number
  /** `corrected_initial_age`, in milliseconds. */
  readonly initialAgeMs: number
  /** How long it is fresh from an age of 0 on, in milliseconds. */
  readonly freshMs: number
  /** After this it is of no use to anybody, not even stale: a store may forget it. */
  readonly expiresAt: number
  /** `scheme://authority/path?query`, for purges by URL and by prefix. */
  readonly url: string
  /** For purges by tag: `Surrogate-Key`, `Cache-Tag`, cache groups (as the cache spells them). */
  readonly tags: readonly string[]
  /** What else the cache wants to know when it reads this again: a request's nominated fields, policies, trailers. */
  readonly notes: Readonly<Record<string, unknown>>
}

/** A stored response. In memory it is the same object at each look-up, until another head or another response takes its place. */
export interface StoredEntry {
  readonly head: EntryHead
  /** Bytes of the body. */
  readonly bodyBytes: number
  /** Purged softly at this time: stale from then on, whatever its freshness; `undefined` where it was not. */
  readonly staleSince: number | undefined
  /** The whole body as latin1 text, where it is small and in memory: it can leave in one write with a head. */
  readonly text: string | undefined
  /** The whole body, where it is at hand in memory; not to be written into. Made of {@link text} at each look, where there is one. */
  readonly bytes: Uint8Array | undefined
  /**
   * What the cache has made of the head, for the next look-up. A store leaves it as it is; one in memory counts what it takes
   * (`readingBytes`) once the entry was asked for.
   */
  reading?: unknown
  /** The body from byte `start` up to and without byte `end`, as often as wanted. Aborts where the store can't deliver it whole. */
  open(start: number, end: number): BodySource
}

/** Takes one response as it arrives. After `commit` or `abort` no further call is made. */
export interface EntryWriter {
  /** `false` where this entry will not be kept after all (too large, store gone); further calls are harmless. */
  write(chunk: Uint8Array): boolean
  /** The same for a whole body that is at hand as latin1 text. Missing where bytes are as good. */
  writeText?(text: string): boolean
  /**
   * The body is whole: from now on (a store outside the process: from soon on) it is found under its key, instead of what stood
   * there.
   */
  commit(): void
  /** The body broke off: nothing is kept. */
  abort(): void
}

/** What a purge means. Prefixes and URLs are compared with {@link EntryHead.url}, a prefix as a plain string. */
export type PurgeSelector =
  | { readonly url: string }
  | { readonly prefix: string }
  | { readonly tags: readonly string[] }
  | { readonly all: true }

export interface PurgeOptions {
  /** Stale at once and revalidated, in place of forgotten. @default false */
  readonly soft?: boolean
}

/** State as plain data. */
export interface CacheStoreSnapshot {
  readonly kind: string
  /** Whether it can be asked. */
  readonly up: boolean
  readonly entries: number
  /** Everything counted that an entry takes, not its body alone. */
  readonly bytes: number
  readonly maxBytes: number
  readonly evictions: number
  /** Entries that could not be read and were removed. */
  readonly corrupt: number
  readonly failures: number
  /** Of the stores that it is made of, the one in front first. */
  readonly tiers?: readonly CacheStoreSnapshot[]
}

/** What a store is handed when the cache is built. */
export interface CacheStoreServices {
  readonly clock: Clock
  readonly random: () => number
}

/** A store; made by a {@link CacheStoreFactory}. Keys are strings of any length that the cache makes. */
export interface CacheStore {
  readonly kind: string
  /**
   * Grows with each purge. Read it when the request is sent, and hand it over with what came of it: so a purge takes effect on
   * responses that are on their way, also where they have not even begun.
   */
  readonly generation: number
  /** The entry under `key`. In memory: at once. */
  get(key: string): StoredEntry | undefined | Promise<StoredEntry | undefined>
  /**
   * Begins to keep a response; `undefined` where it can't. `bodyBytes` is its length, where known; a body of another length is
   * not kept. `generation` is that of when it was asked for, in place of now.
   */
  put(key: string, head: EntryHead, bodyBytes: number | undefined, generation?: number): EntryWriter | undefined
  /**
   * Puts another head in place of that of the entry with this id, if it still stands there (RFC 9111, section 3.2). It is as good
   * as new: not purged softly any more.
   */
  update(key: string, id: string, head: EntryHead, generation?: number): void
  /** Forgets what stands under `key`; with `id` only that entry. */
  delete(key: string, id?: string): void
  /**
   * How many entries it hit in this process, as far as known. Takes effect on entries that are being written, too. Throws or rejects where
   * something that is meant may still be there: it is the one trouble of a store that its user is told of.
   */
  purge(selector: PurgeSelector, options?: PurgeOptions): number | Promise<number>
  /** Tells when another process has purged, so that a tier in front can follow. */
  onPurge?(listener: (selector: PurgeSelector, options: PurgeOptions) => void): () => void
  /**
   * Single-flight across processes: resolves with a lease where this process is to fetch `key`, with `undefined` where another
   * one has fetched it or the wait was too long. Missing where the store belongs to one process.
   */
  lease?(key: string, waitMs: number): Promise<CacheLease | undefined>
  snapshot(): CacheStoreSnapshot
  close(): Promise<void>
}

/** The right to fetch; given back when the response is stored, or was not. */
export interface CacheLease {
  release(): void
}

/** Makes a store when the cache is built. */
export type CacheStoreFactory = (services: CacheStoreServices) => CacheStore
