/** Who sent a request. */
import type { ClientTls } from './tls/client-tls.ts'

/** The other end of the client's connection: a fact. */
export interface Peer {
  /**
   * IP address without brackets; IPv4-mapped IPv6 as IPv4. The empty string for a Unix socket or an injected request. Where
   * a listener is told to (`proxyProtocol`), what the PROXY protocol's header says.
   */
  readonly address: string
  readonly port: number
  /** Whether the connection is encrypted. */
  readonly secure: boolean
  /** How it is encrypted, and the peer's certificate. Missing where it is not, or where the connection is gone already. */
  readonly tls?: ClientTls | undefined
}

/** The client as far as it can be trusted: the peer, or what trusted proxies in between say. */
export interface Client {
  /** IP address: key rate limits and access rules by this. */
  readonly address: string
  readonly scheme: 'http' | 'https'
  readonly peer: Peer
  /** The peer's, where the peer is the client itself: the certificate of a proxy in between is not the client's. */
  readonly tls?: ClientTls | undefined
}
