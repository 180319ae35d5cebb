/** Who sent a request. */

/** The other end of the client's connection: a fact. */
export interface Peer {
  /** IP address without brackets; IPv4-mapped IPv6 as IPv4. The empty string for a Unix socket or an injected request. */
  readonly address: string
  readonly port: number
  /** Whether the connection is encrypted. */
  readonly secure: boolean
}

/** The client as far as it can be trusted: the peer, or what trusted proxies in between say. */
export interface Client {
  /** IP address: key rate limits and access rules by this. */
  readonly address: string
  readonly scheme: 'http' | 'https'
  readonly peer: Peer
}
