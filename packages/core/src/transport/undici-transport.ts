/** The transport on undici: HTTP/1.1 pools, or any dispatcher of undici's that a user brings along. */
import type { Socket } from 'node:net'
import { buildConnector, Client, type Dispatcher, Pool } from 'undici'
import { atLeast } from '../at-least.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'
import type { Target } from '../upstream/target.ts'
import { compileTargetTls, type TargetTls, type TransportTlsOptions } from './target-tls.ts'
import type { Transport, TransportCall, TransportObserver, TransportRequest, TransportStats } from './transport.ts'
import { UndiciCall } from './undici-call.ts'

/** Options of {@link undiciTransport}. */
export interface UndiciTransportOptions {
  /** Connections to one target at most; further attempts wait. @default 1024 */
  readonly maxConnections?: number
  /** Longest wait for a connection, TLS handshake included. @default 5_000 */
  readonly connectTimeoutMs?: number
  /** How long an idle connection is kept: shorter than targets keep theirs (Node: 5 s). @default 4_000 */
  readonly idleTimeoutMs?: number
  /** Larger header sections of replies are refused. @default 65_536 */
  readonly maxResponseHeaderBytes?: number
  readonly tls?: TransportTlsOptions
  /** A dispatcher of your own for all targets; the options above are then its business, and so is closing it. */
  readonly dispatcher?: Dispatcher
}

const NAMES: OptionNames<UndiciTransportOptions> = {
  maxConnections: true,
  connectTimeoutMs: true,
  idleTimeoutMs: true,
  maxResponseHeaderBytes: true,
  tls: true,
  dispatcher: true,
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` for an option that is wrong or not known */
export function undiciTransport(options: UndiciTransportOptions = {}): Transport {
  return new UndiciTransport(options)
}

class UndiciTransport implements Transport {
  readonly name = 'undici'
  readonly #options: PoolSettings
  readonly #tls: TargetTls
  readonly #dispatcher: Dispatcher | undefined
  readonly #pools = new Map<Target, TargetPool>()

  constructor(options: UndiciTransportOptions) {
    strictOption(options, NAMES, 'undiciTransport')
    this.#tls = compileTargetTls(options.tls, 'undiciTransport.tls')
    this.#dispatcher = options.dispatcher
    this.#options = {
      connections: atLeast(1, options.maxConnections ?? 1024, 'undiciTransport.maxConnections'),
      pipelining: 1,
      keepAliveTimeout: atLeast(1, options.idleTimeoutMs ?? 4_000, 'undiciTransport.idleTimeoutMs'),
      keepAliveMaxTimeout: options.idleTimeoutMs ?? 4_000,
      maxHeaderSize: atLeast(1, options.maxResponseHeaderBytes ?? 65_536, 'undiciTransport.maxResponseHeaderBytes'),
      // HTTP/2 has a transport of its own.
      allowH2: false,
      connect: { timeout: atLeast(0, options.connectTimeoutMs ?? 5_000, 'undiciTransport.connectTimeoutMs') },
    }
  }

  send(target: Target, request: TransportRequest, observer: TransportObserver): TransportCall {
    const pool = this.#pools.get(target) ?? this.#open(target)
    return pool.send(request, observer)
  }

  stats(target: Target): TransportStats {
    return this.#pools.get(target)?.stats ?? { connected: 0, active: 0, pending: 0 }
  }

  forget(target: Target): void {
    const pool = this.#pools.get(target)
    this.#pools.delete(target)
    // What it rejects with concerns nobody: nothing is under way there.
    pool?.destroy().catch(() => {})
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()))
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }

  #open(target: Target): TargetPool {
    const pool = new TargetPool(target, this.#options, this.#tls, this.#dispatcher)
    this.#pools.set(target, pool)
    return pool
  }
}

/** undici's options, with `connect` in the one of its forms that can be extended. */
type PoolSettings = Omit<Pool.Options, 'connect'> & { readonly connect: buildConnector.BuildOptions }

/** The connections to one target. */
class TargetPool {
  readonly #target: Target
  readonly #options: Pool.Options
  readonly #dispatcher: Dispatcher
  readonly #pool: Pool | undefined
  readonly #connecting = new Set<Socket>()
  readonly #onConnect = () => void this.#connected++
  readonly #onDisconnect = () => void this.#connected--
  #connected = 0

  constructor(target: Target, options: PoolSettings, tls: TargetTls, dispatcher: Dispatcher | undefined) {
    this.#target = target
    this.#options = { ...options, connect: this.#connector(options, tls) }
    this.#pool = dispatcher === undefined ? new Pool(target.origin, this.#options) : undefined
    this.#dispatcher = dispatcher ?? this.#pool!
    this.#dispatcher.on('connect', this.#onConnect).on('disconnect', this.#onDisconnect)
  }

  get stats(): TransportStats {
    const stats = this.#pool?.stats
    return { connected: this.#connected, active: stats?.running ?? 0, pending: stats?.pending ?? 0 }
  }

  send(request: TransportRequest, observer: TransportObserver): TransportCall {
    // undici does not say which connection an attempt gets; where none is open, it is certainly a new one.
    const call = new UndiciCall(this.#target, request, observer, this.#connected > 0 && !request.freshConnection)
    if (request.freshConnection && this.#pool !== undefined)
      call.dispatchOnce(new Client(this.#target.origin, this.#options))
    else call.dispatchOn(this.#dispatcher)
    return call
  }

  async close(): Promise<void> {
    await this.#pool?.close()
  }

  async destroy(): Promise<void> {
    // A dispatcher of the user's outlives the targets that are asked by it.
    this.#dispatcher.off('connect', this.#onConnect).off('disconnect', this.#onDisconnect)
    const destroyed = this.#pool?.destroy()
    for (const socket of this.#connecting) socket.destroy()
    await destroyed
  }

  /** undici's connector. undici itself gives up a connection that is being made only when its time is over. */
  #connector({ connect }: PoolSettings, tls: TargetTls): buildConnector.connector {
    const { url, socketPath } = this.#target
    const secured = url.protocol === 'https:' ? tls(hostOf(url)) : undefined
    const options = {
      ...connect,
      ...secured,
      servername: '',
      allowH2: false,
      socketPath: socketPath ?? null,
    }
    const connector = buildConnector(options)
    return (place, callback) => {
      // undici would ask for, and verify, the name in the request's Host, which is the client's.
      const named = { ...place, servername: secured?.servername ?? '' }
      // What the types leave out: it returns the socket.
      const socket = connector(named, (...outcome: Parameters<buildConnector.Callback>) => {
        this.#connecting.delete(socket)
        callback(...outcome)
      }) as unknown as Socket
      this.#connecting.add(socket)
    }
  }
}

/** Without the brackets of IPv6. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}
