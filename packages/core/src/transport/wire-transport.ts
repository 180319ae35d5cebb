/** The transport on Sluice's own HTTP/1.1 engine: the default. There is one for HTTP/2, and one for dispatchers of one's own. */
import { type Clock, ConnectionPool, DEFAULT_LIMITS, type PoolOptions, type PoolStats, systemClock } from '@sluice/wire'
import { atLeast } from '../at-least.ts'
import { ConfigError } from '../errors.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'
import type { Random } from '../proxy-settings.ts'
import { systemRandom } from '../system-random.ts'
import type { Target } from '../upstream/target.ts'
import { compileTargetTls, type TargetTls, type TransportTlsOptions } from './target-tls.ts'
import type { Transport, TransportCall, TransportObserver, TransportRequest, TransportStats } from './transport.ts'
import { WireCall } from './wire-call.ts'

/** Options of {@link wireTransport}. They hold for each target by itself. */
export interface WireTransportOptions {
  /** @default 1024 */
  readonly maxConnections?: number
  /** Attempts that wait while all connections are busy; more fail with `ERR_SLUICE_QUEUE_FULL`. @default 1024 */
  readonly maxPending?: number
  /** Longest such wait; then `ERR_SLUICE_QUEUE_FULL`. 0 for none. @default 10_000 */
  readonly pendingTimeoutMs?: number
  /** Longest wait for a connection, TLS handshake included. @default 5_000 */
  readonly connectTimeoutMs?: number
  /** How long an idle connection is kept: shorter than targets keep theirs (Node: 5 s). @default 4_000 */
  readonly idleTimeoutMs?: number
  /** After this time, and up to a tenth more by chance, a connection is not used again. 0 for no limit. @default 0 */
  readonly maxLifetimeMs?: number
  /** After so many requests a connection is not used again. 0 for no limit. @default 0 */
  readonly maxRequests?: number
  /**
   * Idle connections to have at hand, whatever the idle timeout says: opened in the background as soon as the target may be
   * picked, and whenever one was taken or closed; after a failure with growing pauses. Attempts come first where
   * `maxConnections` leaves no room for both. They do not keep the process alive.
   * @default 0
   */
  readonly minIdle?: number
  /**
   * Which attempts may use a connection that has served others: `always`, `never`, or `safe`: one that could not be made
   * again only where the connection was in use within the last second.
   * @default 'safe'
   */
  readonly reuse?: 'safe' | 'always' | 'never'
  /** Larger heads of replies are refused. @default 65_536 */
  readonly maxResponseHeaderBytes?: number
  readonly tls?: TransportTlsOptions
  /** @default systemClock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: Random
}

const NAMES: OptionNames<WireTransportOptions> = {
  maxConnections: true,
  maxPending: true,
  pendingTimeoutMs: true,
  connectTimeoutMs: true,
  idleTimeoutMs: true,
  maxLifetimeMs: true,
  maxRequests: true,
  minIdle: true,
  reuse: true,
  maxResponseHeaderBytes: true,
  tls: true,
  clock: true,
  random: true,
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` for an option that is wrong or not known */
export function wireTransport(options: WireTransportOptions = {}): Transport {
  return new WireTransport(options)
}

class WireTransport implements Transport {
  readonly name = 'wire'
  readonly #clock: Clock
  readonly #random: Random
  readonly #tls: TargetTls
  readonly #options: Omit<PoolOptions, 'host' | 'port'>
  readonly #pools = new Map<Target, ConnectionPool>()
  /** Those of forgotten targets, until nothing is under way in them. */
  readonly #leaving = new Set<ConnectionPool>()
  #isClosed = false

  constructor(options: WireTransportOptions) {
    strictOption(options, NAMES, 'wireTransport')
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#tls = compileTargetTls(options.tls, 'wireTransport.tls')
    this.#options = {
      limits: {
        ...DEFAULT_LIMITS,
        maxHeadBytes: atLeast(1, options.maxResponseHeaderBytes ?? 65_536, 'wireTransport.maxResponseHeaderBytes'),
        maxFields: 1_000,
      },
      maxConnections: atLeast(1, options.maxConnections ?? 1_024, 'wireTransport.maxConnections'),
      maxPending: atLeast(0, options.maxPending ?? 1_024, 'wireTransport.maxPending'),
      pendingTimeoutMs: atLeast(0, options.pendingTimeoutMs ?? 10_000, 'wireTransport.pendingTimeoutMs'),
      connectTimeoutMs: atLeast(0, options.connectTimeoutMs ?? 5_000, 'wireTransport.connectTimeoutMs'),
      idleTimeoutMs: atLeast(1, options.idleTimeoutMs ?? 4_000, 'wireTransport.idleTimeoutMs'),
      maxLifetimeMs: atLeast(0, options.maxLifetimeMs ?? 0, 'wireTransport.maxLifetimeMs'),
      maxRequests: atLeast(0, options.maxRequests ?? 0, 'wireTransport.maxRequests'),
      minIdle: atLeast(0, options.minIdle ?? 0, 'wireTransport.minIdle'),
      reuse: options.reuse ?? 'safe',
    }
    if (!['safe', 'always', 'never'].includes(this.#options.reuse))
      throw new ConfigError('wireTransport.reuse', 'must be "safe", "always" or "never"')
  }

  send(target: Target, request: TransportRequest, observer: TransportObserver): TransportCall {
    return new WireCall(target, request, observer, this.#pools.get(target) ?? this.#open(target), this.#clock)
  }

  stats(target: Target): TransportStats {
    const stats = this.poolStats(target)
    if (stats === undefined) return { connected: 0, active: 0, pending: 0 }
    return { connected: stats.active + stats.idle, active: stats.active, pending: stats.pending }
  }

  /** All figures of a target's pool; `undefined` before its first attempt. */
  poolStats(target: Target): PoolStats | undefined {
    return this.#pools.get(target)?.stats
  }

  warmUp(target: Target): void {
    if (this.#options.minIdle === 0 || this.#isClosed) return
    const pool = this.#pools.get(target) ?? this.#open(target)
    pool.warmUp()
  }

  forget(target: Target): void {
    const pool = this.#pools.get(target)
    if (pool === undefined) return
    this.#pools.delete(target)
    this.#leaving.add(pool)
    void pool.retire().then(() => this.#leaving.delete(pool))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#pools.values(), ...this.#leaving].map(async (pool) => await pool.close()))
  }

  async destroy(): Promise<void> {
    this.#isClosed = true
    for (const pool of [...this.#pools.values(), ...this.#leaving]) pool.destroy()
    await Promise.resolve()
  }

  #open(target: Target): ConnectionPool {
    const { url, socketPath } = target
    const isSecure = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const options: PoolOptions = {
      ...this.#options,
      host,
      port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
      socketPath,
      tls: isSecure ? { ...this.#tls(host), ALPNProtocols: ['http/1.1'] } : undefined,
    }
    const pool = new ConnectionPool(options, this.#clock, this.#random)
    this.#pools.set(target, pool)
    if (this.#isClosed) pool.destroy()
    return pool
  }
}
