/** What is known of a client's socket. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Peer } from '../client.ts'

const peers = new WeakMap<Duplex, Peer>()

/** The peer of a connection; the same object for all its requests. */
export function peerOf(socket: Duplex): Peer {
  let peer = peers.get(socket)
  if (peer === undefined) peers.set(socket, (peer = readPeer(socket)))
  return peer
}

/** What a socket says of its other end. */
export function readPeer(socket: Duplex): Peer {
  const { remoteAddress = '', remotePort = 0 } = socket as Socket
  const address =
    remoteAddress.startsWith('::ffff:') && remoteAddress.includes('.') ? remoteAddress.slice(7) : remoteAddress
  return { address, port: remotePort, secure: socket instanceof TLSSocket }
}
