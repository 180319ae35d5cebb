/** What is known of a client's socket. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Peer } from '../client.ts'

/** What is kept for a connection, by one look-up. */
export interface NodeConnection {
  /** The same object for all requests of the connection. */
  readonly peer: Peer
  /** Nothing more on it is taken for a request. */
  isFinished: boolean
}

const connections = new WeakMap<Duplex, NodeConnection>()

export function connectionOf(socket: Duplex): NodeConnection {
  let connection = connections.get(socket)
  if (connection === undefined) connections.set(socket, (connection = { peer: readPeer(socket), isFinished: false }))
  return connection
}

/** The peer of a connection; the same object for all its requests. */
export function peerOf(socket: Duplex): Peer {
  return connectionOf(socket).peer
}

/** What a socket says of its other end. */
export function readPeer(socket: Duplex): Peer {
  const { remoteAddress = '', remotePort = 0 } = socket as Socket
  const address =
    remoteAddress.startsWith('::ffff:') && remoteAddress.includes('.') ? remoteAddress.slice(7) : remoteAddress
  return { address, port: remotePort, secure: socket instanceof TLSSocket }
}
