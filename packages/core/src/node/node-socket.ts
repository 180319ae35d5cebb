/** What is known of a client's socket. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { proxiedAddressOf } from '@sluice/wire'
import type { Peer } from '../client.ts'
import { type ClientTls, readClientTls } from '../tls/client-tls.ts'

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

/** What a socket says of its other end, or the PROXY protocol's header of the client behind that. */
export function readPeer(socket: Duplex): Peer {
  const { address, port } = proxiedAddressOf(socket as Socket) ?? ownAddress(socket as Socket)
  return socket instanceof TLSSocket ? new SecurePeer(address, port, socket) : { address, port, secure: false }
}

/**
 * Whether the kernel does not know any more who has asked: whoever sends a request and a reset in one breath gets no reply, but the request
 * would count as nobody's, past every limit and list that goes by addresses. A Unix socket has no address at either end.
 */
export function hasVanished(socket: Duplex, { address }: Peer): boolean {
  return address === '' && (socket.destroyed || (socket as Socket).localAddress !== undefined)
}

function ownAddress({ remoteAddress = '', remotePort = 0 }: Socket): { address: string; port: number } {
  const address =
    remoteAddress.startsWith('::ffff:') && remoteAddress.includes('.') ? remoteAddress.slice(7) : remoteAddress
  return { address, port: remotePort }
}

class SecurePeer implements Peer {
  readonly address: string
  readonly port: number
  readonly secure = true
  readonly #socket: TLSSocket
  #tls: ClientTls | undefined = undefined

  constructor(address: string, port: number, socket: TLSSocket) {
    this.address = address
    this.port = port
    this.#socket = socket
  }

  get tls(): ClientTls | undefined {
    return (this.#tls ??= readClientTls(this.#socket))
  }
}
