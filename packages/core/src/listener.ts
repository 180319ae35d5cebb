/** What accepts client connections and makes exchanges of what they send. */
import type { Entrance } from './entrance/entrance.ts'

/** Where to listen, and within which bounds. */
export interface ListenOptions {
  /** 0 for any that is free. @default 0 */
  readonly port?: number
  /** @default all addresses */
  readonly host?: string
  /** A Unix socket, in place of port and host. */
  readonly path?: string
  /** Longest wait for a whole request head; then 408. @default 60_000 */
  readonly headTimeoutMs?: number
  /** Longest time for a whole request, body included; then 408. 0 for none, as long uploads need. @default 0 */
  readonly requestTimeoutMs?: number
  /** How long an idle connection is kept. @default 65_000 */
  readonly idleTimeoutMs?: number
  /** Larger header sections get 431. @default 16_384 */
  readonly maxHeaderBytes?: number
  /** Further connections are refused. 0 for no limit. @default 0 */
  readonly maxConnections?: number
  /** What listens. @default nodeListener() */
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
  /** `http://host:port`, or `unix:path`. */
  readonly url: string
}
