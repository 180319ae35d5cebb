/**
 * Puts the reading of the PROXY protocol's header in front of whatever a server does with its connections: TLS, HTTP, or
 * Node's own parser. The server sees a connection once its header has been read, and none of its bytes.
 *
 * From a trusted peer the header is required, and from any other it is not looked for ("the receiver MUST NOT try to guess
 * whether it is present", section 2): a client that writes one itself has sent a malformed request.
 */
import type { Server, Socket } from 'node:net'
import { Server as TlsServer, TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import { type ProxiedAddress, type ProxyHeader, ProxyHeaderError, readProxyHeader } from './proxy-header.ts'

/** From whom a header is expected. */
export interface ProxyProtocolOptions {
  /** Whether connections from this address begin with a header; IPv4-mapped IPv6 as IPv4, empty for a Unix socket. */
  readonly isTrusted: (address: string) => boolean
  /** Longest wait for a whole header; then the connection is closed. */
  readonly headerTimeoutMs: number
}

const clients = new WeakMap<Socket, ProxiedAddress>()

interface Wrapping {
  /** What a TLS socket was made from. Not documented; where it is missing, the peer is whoever has connected. */
  readonly _parent?: Socket
}

/** The client that the header of a connection has named, also where TLS runs within it. */
export function proxiedAddressOf(socket: Socket): ProxiedAddress | undefined {
  const own = clients.get(socket)
  if (own !== undefined || !(socket instanceof TLSSocket)) return own
  const { _parent: parent } = socket as unknown as Wrapping
  return parent === undefined ? undefined : clients.get(parent)
}

/** `socket` goes on in the place of `accepted`. */
export function inheritProxiedAddress(accepted: Socket, socket: Socket): void {
  const address = clients.get(accepted)
  if (address !== undefined) clients.set(socket, address)
}

/** To be called before anybody else listens for the connections of `server`, other than the server itself. */
export function expectProxyHeader(server: Server, options: ProxyProtocolOptions, clock: Clock): void {
  const serve = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    // One that a server has let flow must go on flowing; TLS takes what has come from the paused one.
    const isFlowing = !socket.isPaused() && !(server instanceof TlsServer)
    const pass = () => {
      for (const each of serve) each.call(server, socket)
      if (isFlowing) socket.resume()
    }
    if (options.isTrusted(bareAddress(socket.remoteAddress))) readHeader(socket, options.headerTimeoutMs, clock, pass)
    else pass()
  })
}

/** Calls `pass` with the socket paused, and what came behind the header put back. */
function readHeader(socket: Socket, timeoutMs: number, clock: Clock, pass: () => void): void {
  let bytes: Buffer = Buffer.alloc(0)
  const leave = () => void socket.destroy()
  const timeout = clock.schedule(timeoutMs, leave)
  const stop = () => {
    timeout.cancel()
    socket.off('data', take).off('end', leave).off('close', stop)
  }
  const proceed = ({ length, source }: ProxyHeader) => {
    stop()
    socket.pause()
    if (source !== undefined) clients.set(socket, source)
    if (bytes.byteLength > length) socket.unshift(bytes.subarray(length))
    pass()
    socket.off('error', ignore)
  }
  const take = (chunk: Buffer) => {
    bytes = bytes.byteLength === 0 ? chunk : Buffer.concat([bytes, chunk])
    const header = headerOf(bytes)
    if (header === 'malformed') socket.destroy()
    else if (header !== undefined) proceed(header)
  }
  socket.on('error', ignore)
  socket.on('data', take).once('end', leave).once('close', stop)
  socket.resume()
}

function headerOf(bytes: Buffer): ProxyHeader | undefined | 'malformed' {
  try {
    return readProxyHeader(bytes)
  } catch (error) {
    if (error instanceof ProxyHeaderError) return 'malformed'
    throw error
  }
}

/** As {@link ProxiedAddress} has it. */
function bareAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function ignore(): void {}
