/** What accepts client connections and makes exchanges of what they send. */
import type { Entrance } from './entrance/entrance.ts'
import type { Http2ListenOptions } from './http2/http2-options.ts'
import type { ListenTlsOptions } from './tls/listen-tls-options.ts'

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
  /**
   * HTTP/2 (RFC 9113): with `tls` it is offered beside HTTP/1.1 by ALPN, unless this is `false`; without, it is served where
   * `cleartext` says so. The options below hold for it as well, those of the wire listener on both.
   * @default true
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen.http2`, from `listen`
   */
  readonly http2?: boolean | Http2ListenOptions
  /** Reads the PROXY protocol's header from connections of these peers, in front of TLS. */
  readonly proxyProtocol?: ProxyProtocolListenOptions
  /** Longest wait for a whole request head; then 408. 0 for none. @default 60_000 */
  readonly headTimeoutMs?: number
  /** Longest time for a whole request, body included; then 408. 0 for none, as long uploads need. @default 0 */
  readonly requestTimeoutMs?: number
  /** How long an idle connection is kept. 0 for ever. @default 65_000 */
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

/** Whom to believe about who a client is, by the PROXY protocol (versions 1 and 2). */
export interface ProxyProtocolListenOptions {
  /**
   * Addresses and CIDR ranges of the load balancers. Each connection of theirs has to begin with a header, whose client
   * `exchange.client.peer` then is; one without, or with a malformed one, is closed. Connections of others are those of
   * clients: what looks like a header there is a malformed request. `'all'` only where nothing else can connect, and for
   * Unix sockets.
   */
  readonly trust: 'all' | readonly string[]
  /** Longest wait for a whole header; then the connection is closed. @default 5_000 */
  readonly headerTimeoutMs?: number
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
  /**
   * Uses other certificates, authorities, ticket keys and whatever else the options say, from the next handshake on.
   * Connections that are open stay as they are, and so do ticket keys that were not given.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`: the options are wrong, or change what can not change (`clientCertificates`,
   * `handshakeTimeoutMs`), or the listener speaks no TLS. What was in use stays.
   */
  setTls(options: ListenTlsOptions): void
  /**
   * Reads the files that the TLS options name once more, and uses what is in them from the next handshake on. Rejects as
   * {@link setTls} throws.
   */
  reloadTls(): Promise<void>
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
