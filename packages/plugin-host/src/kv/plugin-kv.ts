/** The store as one plugin sees it: its prefixes, its quota, and the steps that are made of several. */
import type { Clock } from '@sluice/wire'
import { LIMIT, OK } from '../abi/sluice-v1.ts'
import type { KvGrants } from '../manifest/manifest.ts'
import type { KvStore, KvWriter } from './kv-store.ts'

const encoder = new TextEncoder()
const NUMBER = /^-?\d{1,16}$/

/** What host functions need of it. */
export interface KvAccess {
  mayUse(key: string): boolean
  get(key: string): Uint8Array | undefined
  set(key: string, value: Uint8Array, ttlMs: number): number
  /** Whether there was one. */
  delete(key: string): boolean
  /** The sum; NaN where it is none that can be kept. */
  increment(key: string, delta: number, ttlMs: number): number
  /** 1 where it was as expected, 0 where not, or `LIMIT`; `undefined` expects none. */
  compareAndSwap(key: string, expected: Uint8Array | undefined, value: Uint8Array, ttlMs: number): number
}

/** Whether a key begins with one of the prefixes: those are text of a manifest, keys are bytes. */
export function prefixMatcher(prefixes: readonly string[]): (key: string) => boolean {
  const bytes = prefixes.map((prefix) => Buffer.from(prefix).toString('latin1'))
  return (key) => bytes.some((prefix) => key.startsWith(prefix))
}

export class PluginKv implements KvAccess {
  readonly #store: KvStore
  readonly #clock: Clock
  readonly #writer: KvWriter
  readonly mayUse: (key: string) => boolean

  constructor(store: KvStore, clock: Clock, owner: string, grants: Readonly<Required<KvGrants>>) {
    this.#store = store
    this.#clock = clock
    this.mayUse = prefixMatcher(grants.prefixes)
    this.#writer = { owner, maxBytes: grants.maxBytes, maxEntries: grants.maxEntries }
  }

  get(key: string): Uint8Array | undefined {
    return this.#store.get(key)
  }

  set(key: string, value: Uint8Array, ttlMs: number): typeof OK | typeof LIMIT {
    return this.#store.set(key, value, this.#until(ttlMs), this.#writer) ? OK : LIMIT
  }

  delete(key: string): boolean {
    return this.#store.delete(key)
  }

  increment(key: string, delta: number, ttlMs: number): number {
    const value = this.#store.get(key)
    const text =
      value === undefined ? '0' : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
    if (!Number.isSafeInteger(delta) || !NUMBER.test(text)) return Number.NaN
    const sum = Number(text) + delta
    if (!Number.isSafeInteger(sum)) return Number.NaN
    const expiresAt = this.#store.expiresAt(key) ?? this.#until(ttlMs)
    return this.#store.set(key, encoder.encode(String(sum)), expiresAt, this.#writer) ? sum : Number.NaN
  }

  compareAndSwap(key: string, expected: Uint8Array | undefined, value: Uint8Array, ttlMs: number): number {
    const now = this.#store.get(key)
    const isExpected =
      now === undefined || expected === undefined ? now === expected : Buffer.compare(now, expected) === 0
    if (!isExpected) return 0
    return this.set(key, value, ttlMs) === OK ? 1 : LIMIT
  }

  #until(ttlMs: number): number {
    return ttlMs === 0 ? Number.POSITIVE_INFINITY : this.#clock.now() + ttlMs
  }
}
