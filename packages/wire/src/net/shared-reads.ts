/**
 * Reading from sockets into one buffer that all of them share. By default Node allocates 64 KiB for each read and pushes a
 * Buffer through a stream; with `onread` the bytes are handed to a callback, which makes of them what it needs and returns.
 * That saves 6 % of a small request's time on the client's side alone (docs/performance.md), and an idle connection owns no buffer.
 *
 * `net.connect` takes `onread`. A server's sockets do not; they get it by putting the accepted handle into a socket of our
 * own. That rests on `_handle`, which is not documented: where it is missing, or a socket is not plain TCP or a pipe (TLS),
 * the bytes come by `data` events instead, and everything works the same.
 */
import { type OnReadOpts, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { inheritProxiedAddress } from '../proxy-protocol/expect-proxy-header.ts'

/** Gets the bytes: `bytes` up to `length`, valid only during the call. */
export type OnBytes = (bytes: Buffer, length: number) => void

const SHARED = Buffer.allocUnsafeSlow(65_536)

/** The `onread` option of a socket. */
export function sharedReads(onBytes: OnBytes): OnReadOpts {
  return {
    buffer: SHARED,
    callback: (length: number, buffer: Uint8Array) => {
      onBytes(buffer as Buffer, length)
      return true
    },
  }
}

interface WithHandle {
  _handle: { useUserBuffer?: unknown; reading?: boolean; readStop?: () => void } | null
}

/**
 * The socket to use in place of one that a server has accepted with `pauseOnConnect`. Its bytes come to `onBytes`, though not
 * during the call; it is reading already.
 */
export function readShared(accepted: Socket, onBytes: OnBytes): Socket {
  const { _handle: handle } = accepted as unknown as WithHandle
  if (accepted instanceof TLSSocket || handle === null || typeof handle?.useUserBuffer !== 'function') {
    accepted.on('data', (bytes: Buffer) => onBytes(bytes, bytes.byteLength))
    accepted.resume()
    return accepted
  }
  // Something has come already where a header was read in front (the PROXY protocol).
  const early = accepted.readableLength > 0 ? (accepted.read() as Buffer) : undefined
  if (handle.reading === true) {
    handle.readStop?.()
    handle.reading = false
  }
  ;(accepted as unknown as WithHandle)._handle = null
  const options = { handle, allowHalfOpen: true, readable: true, writable: true, onread: sharedReads(onBytes) }
  const socket = new Socket(options)
  // The server counts the socket that it made; that one is done when ours is.
  socket.once('close', () => accepted.destroy())
  inheritProxiedAddress(accepted, socket)
  if (early !== undefined) process.nextTick(() => socket.destroyed || onBytes(early, early.byteLength))
  return socket
}
