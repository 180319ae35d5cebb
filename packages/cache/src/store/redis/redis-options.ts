/** Options of the Redis store, checked and resolved. */
import { ConfigError } from '@sluice/core'
import { type OptionNames, positiveOption, strictOption, wholeOption } from '@sluice/core/options'
import { resolveWriteLimits, type WriteLimits } from '../write-limits.ts'
import type { RedisClient } from './redis-client.ts'

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * A client of `ioredis`, connected or not yet, and without a `keyPrefix`. It stays yours: nothing here closes it. Give it a listener for
   * `error`. Not a `Cluster`: one Redis, with replicas and Sentinels if wanted.
   */
  readonly client: RedisClient
  /** Before all keys. @default 'sluice:cache:' */
  readonly prefix?: string
  /**
   * How long a look-up waits for Redis at most, in milliseconds; then it is a miss. The first that has to wait as long makes all others wait
   * no longer, until Redis answers again. Writes and purges, which no client waits for, have ten times as long. @default 100
   */
  readonly timeoutMs?: number
  /** How soon Redis is asked again after a failure; the pause doubles from failure to failure, up to ten times. @default 100 */
  readonly probeIntervalMs?: number
  /** The largest body that is kept, in bytes. @default 67_108_864 */
  readonly maxEntryBytes?: number
  /** Bodies are kept in pieces of so many bytes; one that is not longer stands with its head. @default 262_144 */
  readonly chunkBytes?: number
  /** How many bytes may wait to be written to Redis. Beyond it responses are not kept. @default 33_554_432 */
  readonly maxPendingBytes?: number
  /** For how long a process that fetches holds others back, in milliseconds, unless it renews that; it does. @default 5_000 */
  readonly leaseMs?: number
  /** How soon those who wait look whether the other process is done, in milliseconds; the pause grows from look to look, up to ten times. @default 25 */
  readonly leasePollMs?: number
}

const NAMES: OptionNames<RedisStoreOptions> = {
  client: true,
  prefix: true,
  timeoutMs: true,
  probeIntervalMs: true,
  maxEntryBytes: true,
  chunkBytes: true,
  maxPendingBytes: true,
  leaseMs: true,
  leasePollMs: true,
}

/** The same, complete. */
export interface RedisPlan extends WriteLimits {
  readonly client: RedisClient
  readonly prefix: string
  readonly timeoutMs: number
  readonly writeTimeoutMs: number
  readonly probeIntervalMs: number
  readonly chunkBytes: number
  readonly leaseMs: number
  readonly leasePollMs: number
}

const MIB = 1024 * 1024
const DEFAULT_TIMEOUT_MS = 100
const WRITE_PATIENCE = 10

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveRedisOptions(options: RedisStoreOptions): RedisPlan {
  const { client, prefix = 'sluice:cache:' } = strictOption(options, NAMES, 'redisStore')
  if (typeof client?.pipeline !== 'function' || typeof client.duplicate !== 'function')
    throw new ConfigError('redisStore.client', 'must be a client of ioredis')
  if (client.isCluster === true)
    throw new ConfigError('redisStore.client', 'must not be a Cluster: scripts here touch keys of several slots')
  if (client.options?.keyPrefix) throw new ConfigError('redisStore.client', 'must have no keyPrefix: use "prefix"')
  if (typeof prefix !== 'string') throw new ConfigError('redisStore.prefix', 'must be a string')
  const timeoutMs = positiveOption(options.timeoutMs, DEFAULT_TIMEOUT_MS, 'redisStore.timeoutMs')
  return Object.freeze({
    client,
    prefix,
    timeoutMs,
    writeTimeoutMs: timeoutMs * WRITE_PATIENCE,
    probeIntervalMs: positiveOption(options.probeIntervalMs, 100, 'redisStore.probeIntervalMs'),
    ...resolveWriteLimits(options, 'redisStore', 64 * MIB),
    chunkBytes: wholeOption(options.chunkBytes, MIB / 4, 'redisStore.chunkBytes', 1_024, 64 * MIB),
    leaseMs: wholeOption(options.leaseMs, 5_000, 'redisStore.leaseMs', 1),
    leasePollMs: positiveOption(options.leasePollMs, 25, 'redisStore.leasePollMs'),
  })
}
