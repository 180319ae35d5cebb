/** Stores in Redis for tests: each is what a process of its own would have. */
import type { LocalRedis } from '@sluice/testing'
import { waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import type { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import {
  type CacheStore,
  type EntryHead,
  type RedisStore,
  redisStore,
  type RedisStoreOptions,
} from '../../../src/index.ts'
import { headOf, write } from '../set-up.ts'
import { clientOf } from './redis-client.ts'

/** A busy machine must not look like a Redis that is away. */
const PATIENT: Partial<RedisStoreOptions> = { timeoutMs: 10_000, probeIntervalMs: 20 }

export interface OpenStore {
  readonly store: RedisStore
  readonly client: Redis
}

export async function openStore(redis: LocalRedis, options: Partial<RedisStoreOptions> = {}): Promise<OpenStore> {
  const client = await clientOf(redis)
  const store = redisStore({ client, ...PATIENT, ...options })({ clock: systemClock, random: Math.random })
  onTestFinished(async () => await store.close())
  // Until it knows what was purged before.
  await waitFor(() => store.generation > 0, { what: 'the store', timeoutMs: 10_000 })
  return { store, client }
}

/** With an end that lies ahead. */
export function liveHead(head: Partial<EntryHead> = {}): EntryHead {
  return headOf({ expiresAt: systemClock.wallTime() + 600_000, ...head })
}

/** Writes an entry, and waits until it is found, or for long enough where it must not be. */
export async function writeAndWait(
  store: CacheStore,
  key: string,
  head: EntryHead,
  body: Uint8Array | string,
  chunkBytes?: number,
): Promise<void> {
  write(store, key, head, body, chunkBytes)
  await settled(store)
}

/** Whatever was committed is written: a lease is given back only then. */
export async function settled(store: CacheStore): Promise<void> {
  await store.purge({ url: 'https://nobody.test/' })
}
