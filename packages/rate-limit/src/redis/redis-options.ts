/** Options of the Redis store, checked and resolved. */
import { ConfigError } from '@sluice/core'
import { type OptionNames, positiveOption, strictOption, wholeOption, wordOption } from '@sluice/core/options'
import { DEFAULT_MAX_KEYS, MAX_KEYS } from '../memory/memory-store.ts'
import type { RedisClient } from './redis-client.ts'

/** What happens to requests while Redis can't be asked; see {@link RedisStoreOptions.onStoreError}. */
export type OnStoreError = 'allow' | 'deny' | 'local'

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** A client of `ioredis`, connected or not yet. It stays yours: nothing here closes it. Give it a listener for `error`. */
  readonly client: RedisClient
  /** Before all keys. In a Redis Cluster it must have a hash tag, such as `{limits}:`. @default 'sluice:limit:' */
  readonly prefix?: string
  /**
   * What happens while Redis fails, hangs or starts anew. `local`: this process counts by itself, going on from what it knows
   * of its own requests. `allow`: all pass. `deny`: all get 503 `ERR_SLUICE_LIMIT_UNKNOWN`. @default 'local'
   */
  readonly onStoreError?: OnStoreError
  /**
   * How long a request waits for Redis at most, in milliseconds; the first one that has to wait as long makes all others wait no
   * longer, until Redis answers again. The clock adds its tick (4 ms). @default 100
   */
  readonly storeTimeoutMs?: number
  /** How soon Redis is asked again after a failure; the pause doubles from failure to failure, up to ten times. @default 100 */
  readonly probeIntervalMs?: number
  /** Which share of a limit this process may spend by itself while it is `local`: 0.25 where there are four. @default 1 */
  readonly localShare?: number
  /** How many keys this process keeps track of by itself; see `memoryStore`. @default 100_000 */
  readonly localMaxKeys?: number
  /**
   * With more than 0, this process takes blocks of up to so many units, but at most a tenth of `burst`, for keys that are asked for
   * often, and spends them without asking. What it does not spend it gives back. Blocks count as spent when they are
   * taken: no limit is ever exceeded, but what one process holds, others can't have. Not for sliding windows. @default 0
   */
  readonly leaseUnits?: number
  /** How long a block is kept, in milliseconds. @default 1_000 */
  readonly leaseMs?: number
}

const NAMES: OptionNames<RedisStoreOptions> = {
  client: true,
  prefix: true,
  onStoreError: true,
  storeTimeoutMs: true,
  probeIntervalMs: true,
  localShare: true,
  localMaxKeys: true,
  leaseUnits: true,
  leaseMs: true,
}

/** The same, complete. */
export interface RedisPlan {
  readonly client: RedisClient
  readonly prefix: string
  readonly onStoreError: OnStoreError
  readonly storeTimeoutMs: number
  readonly probeIntervalMs: number
  readonly localShare: number
  readonly localMaxKeys: number
  readonly leaseUnits: number
  readonly leaseMs: number
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveRedisOptions(options: RedisStoreOptions): RedisPlan {
  const { client, prefix = 'sluice:limit:' } = strictOption(options, NAMES, 'redisStore')
  if (typeof client?.pipeline !== 'function') throw new ConfigError('redisStore.client', 'must be a client of ioredis')
  if (typeof prefix !== 'string') throw new ConfigError('redisStore.prefix', 'must be a string')
  const localShare = positiveOption(options.localShare, 1, 'redisStore.localShare')
  if (localShare > 1) throw new ConfigError('redisStore.localShare', 'must be at most 1')
  return Object.freeze({
    client,
    prefix,
    onStoreError: wordOption(options.onStoreError, 'local', ['allow', 'deny', 'local'], 'redisStore.onStoreError'),
    storeTimeoutMs: positiveOption(options.storeTimeoutMs, 100, 'redisStore.storeTimeoutMs'),
    probeIntervalMs: positiveOption(options.probeIntervalMs, 100, 'redisStore.probeIntervalMs'),
    localShare,
    localMaxKeys: wholeOption(options.localMaxKeys, DEFAULT_MAX_KEYS, 'redisStore.localMaxKeys', 1, MAX_KEYS),
    leaseUnits: wholeOption(options.leaseUnits, 0, 'redisStore.leaseUnits', 0),
    leaseMs: positiveOption(options.leaseMs, 1_000, 'redisStore.leaseMs'),
  })
}
