/**
 * The transport that speaks HTTP/2 with targets: many requests at once on one connection, on Node's own engine (`nghttp2`). Why
 * not on undici, see docs/adr. Targets that speak HTTP/1.1 alone get that, on the wire engine.
 */
import { type Clock, systemClock } from '@sluice/wire'
import { type OptionNames, strictOption } from '../../options/option-checks.ts'
import type { Random } from '../../proxy-settings.ts'
import { systemRandom } from '../../system-random.ts'
import type { Target } from '../../upstream/target.ts'
import { compileTargetTls, type TargetTls, type TransportTlsOptions } from '../target-tls.ts'
import type { Transport, TransportCall, TransportObserver, TransportRequest, TransportStats } from '../transport.ts'
import { wireTransport, type WireTransportOptions } from '../wire-transport.ts'
import { Http2Call } from './http2-call.ts'
import { Http2Pool } from './http2-pool.ts'
import { type Http2Settings, http2Settings } from './http2-settings.ts'

/** Options of {@link http2Transport}. They hold for each target by itself. */
export interface Http2TransportOptions {
  /**
   * `false`: HTTP/2 with `https` targets that choose it by ALPN, HTTP/1.1 with all others. A WebSocket goes over HTTP/1.1 unless a
   * connection is open that takes it (RFC 8441). `true`: HTTP/2 with all targets, also without TLS (h2c; RFC 9113, section 3.3);
   * one that does not speak it fails as one that can't be reached.
   * @default false
   */
  readonly priorKnowledge?: boolean
  /** @default 16 */
  readonly maxConnections?: number
  /** Requests under way on one connection. The target may allow fewer, and has the last word. @default 100 */
  readonly maxConcurrentStreams?: number
  /** Attempts that wait while all connections are full; more fail with `ERR_SLUICE_QUEUE_FULL`. @default 1024 */
  readonly maxPending?: number
  /** Longest wait for a place; then `ERR_SLUICE_QUEUE_FULL`. 0 for none. @default 10_000 */
  readonly pendingTimeoutMs?: number
  /** Longest wait for a connection: TLS handshake and the target's SETTINGS included. @default 5_000 */
  readonly connectTimeoutMs?: number
  /** How long a connection without streams is kept. It does not keep the process alive. @default 60_000 */
  readonly idleTimeoutMs?: number
  /** After this time, and up to a tenth more by chance, a connection gets no new streams. 0 for no limit. @default 0 */
  readonly maxLifetimeMs?: number
  /**
   * Asks the target by PING whether it is alive, while streams are under way. 0 for never. gRPC servers close connections that ask
   * more often than every five minutes, unless they are told to allow it. A stream that times out asks in any case.
   * @default 0
   */
  readonly pingIntervalMs?: number
  /** Longest wait for the answer; then the connection is closed, with all its streams. @default 5_000 */
  readonly pingTimeoutMs?: number
  /** Larger header sections of replies are refused. @default 65_536 */
  readonly maxResponseHeaderBytes?: number
  /**
   * What a target may send of one reply before the client has taken any of it: the memory that a slow client costs, and with the
   * round trip the bandwidth of one reply.
   * @default 262_144
   */
  readonly initialWindowBytes?: number
  /** The same for all replies of a connection together. @default 4_194_304 */
  readonly connectionWindowBytes?: number
  /** Towards targets of either protocol. */
  readonly tls?: TransportTlsOptions
  /** Connections to targets that get HTTP/1.1. See {@link wireTransport}. */
  readonly http1?: Omit<WireTransportOptions, 'tls' | 'clock' | 'random'>
  /** @default systemClock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: Random
}

const NAMES: OptionNames<Http2TransportOptions> = {
  priorKnowledge: true,
  maxConnections: true,
  maxConcurrentStreams: true,
  maxPending: true,
  pendingTimeoutMs: true,
  connectTimeoutMs: true,
  idleTimeoutMs: true,
  maxLifetimeMs: true,
  pingIntervalMs: true,
  pingTimeoutMs: true,
  maxResponseHeaderBytes: true,
  initialWindowBytes: true,
  connectionWindowBytes: true,
  tls: true,
  http1: true,
  clock: true,
  random: true,
}

/**
 * A transport for upstreams whose targets speak HTTP/2, gRPC servers above all. Streams flow both ways at once; trailers and 1xx
 * replies pass; a reply that is reset is never taken for complete; a request that a target says it did not look at may be sent
 * again, whatever its method (`ERR_SLUICE_STREAM_REFUSED`).
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` for an option that is wrong or not known
 */
export function http2Transport(options: Http2TransportOptions = {}): Transport {
  return new Http2Transport(options)
}

class Http2Transport implements Transport {
  readonly name = 'http2'
  readonly #priorKnowledge: boolean
  readonly #settings: Http2Settings
  readonly #tls: TargetTls
  readonly #http1: Transport
  readonly #pools = new Map<Target, Http2Pool>()
  /** Those of forgotten targets, until nothing is under way in them. */
  readonly #leaving = new Set<Http2Pool>()
  #isClosed = false

  constructor(options: Http2TransportOptions) {
    strictOption(options, NAMES, 'http2Transport')
    const { clock = systemClock, random = systemRandom, tls } = options
    this.#priorKnowledge = options.priorKnowledge ?? false
    this.#settings = http2Settings(options, clock, random)
    this.#tls = compileTargetTls(tls, 'http2Transport.tls')
    const { connectTimeoutMs, maxResponseHeaderBytes } = this.#settings
    this.#http1 = wireTransport({
      connectTimeoutMs,
      maxResponseHeaderBytes,
      ...options.http1,
      ...(tls === undefined ? {} : { tls }),
      clock,
      random,
    })
  }

  send(target: Target, request: TransportRequest, observer: TransportObserver): TransportCall {
    const sendOverHttp1 = (): TransportCall => this.#http1.send(target, request, observer)
    if (!this.#priorKnowledge && target.url.protocol !== 'https:') return sendOverHttp1()
    const pool = this.#pools.get(target) ?? this.#open(target)
    if (!this.#priorKnowledge && (pool.speaksHttp1 || (request.upgrade !== undefined && !pool.takesTunnels)))
      return sendOverHttp1()
    return new Http2Call(target, request, observer, pool, sendOverHttp1)
  }

  /** Streams are what is active; connections are those of both protocols. */
  stats(target: Target): TransportStats {
    const http1 = this.#http1.stats(target)
    const http2 = this.#pools.get(target)?.stats
    if (http2 === undefined) return http1
    return {
      connected: http1.connected + http2.connected,
      active: http1.active + http2.active,
      pending: http1.pending + http2.pending,
    }
  }

  warmUp(target: Target): void {
    if (!this.#priorKnowledge) this.#http1.warmUp?.(target)
  }

  forget(target: Target): void {
    this.#http1.forget?.(target)
    const pool = this.#pools.get(target)
    if (pool === undefined) return
    this.#pools.delete(target)
    this.#leaving.add(pool)
    void pool.retire().then(() => this.#leaving.delete(pool))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const pools = [...this.#pools.values(), ...this.#leaving]
    await Promise.all([this.#http1.close(), ...pools.map(async (pool) => await pool.close())])
  }

  async destroy(): Promise<void> {
    this.#isClosed = true
    const pools = [...this.#pools.values(), ...this.#leaving]
    await Promise.all([this.#http1.destroy(), ...pools.map(async (pool) => await pool.destroy())])
  }

  #open(target: Target): Http2Pool {
    const pool = new Http2Pool({
      target,
      tls: this.#tls,
      priorKnowledge: this.#priorKnowledge,
      settings: this.#settings,
    })
    this.#pools.set(target, pool)
    if (this.#isClosed) void pool.destroy()
    return pool
  }
}
