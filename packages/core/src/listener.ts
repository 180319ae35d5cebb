/** What accepts client connections and makes exchanges of what they send. */
import type { Entrance } from './entrance/entrance.ts'
import type { ListenTlsOptions } from './listen-tls.ts'

/** Where to listen, and within which bounds. */
export interface ListenOptions {
  /** 0 for any that is free. @default 0 */
  readonly port?: number
  /** @default all addresses */
  readonly host?: string
  /** A Unix socket, in place of port and host. */
  readonly path?: string
  /**
   * Speaks TLS with these; without them, plain text.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen.tls`, from `listen`: a certificate or key that is missing or wrong
   */
  readonly tls?: ListenTlsOptions
  /** Longest wait for a whole request head; then 408. @default 60_000 */
  readonly headTimeoutMs?: number
  /** Longest time for a whole request, body included; then 408. 0 for none, as long uploads need. @default 0 */
  readonly requestTimeoutMs?: number
  /** How long an idle connection is kept. @default 65_000 */
  readonly idleTimeoutMs?: number
  /** Whether a client that has ended its side of the connection still gets its reply; otherwise it has left. @default false */
  readonly allowHalfOpen?: boolean
  /** Larger header sections get 431. @default 16_384 */
  readonly maxHeaderBytes?: number
  /** More header fields get 431. Of the wire listener. @default 100 */
  readonly maxHeaderCount?: number
  /** Longest silence within a request body; then 408. 0 for none. Of the wire listener. @default 60_000 */
  readonly bodyIdleTimeoutMs?: number
  /** Longest time in which a client reads nothing of its reply; then a reset. 0 for none. Of the wire listener. @default 60_000 */
  readonly sendTimeoutMs?: number
  /** After so many requests a connection is closed. 0 for no limit. Of the wire listener. @default 0 */
  readonly maxRequestsPerConnection?: number
  /** A connection older than this is closed after its reply. 0 for no limit. Of the wire listener. @default 0 */
  readonly maxConnectionAgeMs?: number
  /** Further connections are refused. 0 for no limit. @default 0 */
  readonly maxConnections?: number
  /** What listens. @default wireListener() */
  readonly listener?: ListenerFactory
}

/** What a listener gets from its proxy. */
export interface ListenerServices {
  readonly entrance: Entrance
  /** Whether the proxy is shutting down: connections are not kept from then on. */
  isClosing(): boolean
}

/** Makes a listener; the `listener` option holds one of these. */
export type ListenerFactory = (options: ListenOptions, services: ListenerServices) => Listener

/** A listener of one address. */
export interface Listener {
  /** Starts; rejects where the address can not be had. */
  listen(): Promise<void>
  readonly address: ListenerAddress
  /** Open client connections. */
  readonly connections: number
  /** Accepts nothing new, and closes each connection as soon as it is idle. Resolves when all are closed. */
  close(): Promise<void>
  /** Closes all connections at once. */
  destroy(): void
}

/** Where a listener listens. */
export interface ListenerAddress {
  /** 0 for a Unix socket. */
  readonly port: number
  readonly host: string
  /** `http://host:port`, `https://host:port` with TLS, or `unix:path`. */
  readonly url: string
}
