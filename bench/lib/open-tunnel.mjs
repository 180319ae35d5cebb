/** The client's end of a WebSocket tunnel, as a raw socket. */
import { connect } from 'node:net'
import { handshake } from './web-socket.mjs'

const HEAD_END = '\r\n\r\n'

/** All sockets read into one buffer: what comes is counted, and not kept. */
const buffer = Buffer.allocUnsafe(65_536)

/** Resolves when the 101 is here. What comes in the tunnel goes to `receive(tunnel, chunk, length)`. */
export function openTunnel(port, receive) {
  const { promise, resolve, reject } = Promise.withResolvers()
  let head = ''
  const tunnel = { socket: undefined }
  const callback = (length, chunk) => {
    if (head === undefined) {
      receive(tunnel, chunk, length)
      return true
    }
    head += chunk.latin1Slice(0, length)
    if (!head.includes(HEAD_END)) return true
    if (!head.startsWith('HTTP/1.1 101 ')) reject(new Error(`a handshake was answered with ${head.slice(0, 12)}`))
    else if (!head.endsWith(HEAD_END)) reject(new Error('a target spoke first'))
    head = undefined
    resolve(tunnel)
    return true
  }
  tunnel.socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } })
  tunnel.socket.on('error', reject)
  tunnel.socket.on('close', () => reject(new Error('a connection was closed before its 101')))
  tunnel.socket.write(handshake(port))
  return promise
}
