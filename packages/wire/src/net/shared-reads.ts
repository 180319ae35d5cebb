/**
 * Reading from sockets into one buffer that all of them share. By default Node allocates 64 KiB for each read and pushes a
 * Buffer through a stream; with `onread` the bytes are handed to a callback, which makes of them what it needs and returns.
 * That saves 6 % of a small request's time on the client's side alone (docs/performance.md), and an idle connection owns no buffer.
 *
 * `net.connect` and `tls.connect` take `onread`. A server's sockets do not; they get it by putting the accepted handle into a
 * socket of our own, or with TLS by setting what the option would have set. That rests on fields that are not documented:
 * where they are missing, the bytes come by `data` events instead, and everything works the same. But for one thing: what a TLS
 * record had in it still comes after a pause.
 */
import { type OnReadOpts, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { inheritProxiedAddress } from '../proxy-protocol/expect-proxy-header.ts'

/** Gets the bytes: `bytes` up to `length`, valid only during the call. */
export type OnBytes = (bytes: Buffer, length: number) => void

const SHARED = Buffer.allocUnsafeSlow(65_536)

/** The `onread` option of a socket. */
export function sharedReads(onBytes: OnBytes): OnReadOpts {
  return { buffer: SHARED, callback: callbackFor(onBytes) }
}

function callbackFor(onBytes: OnBytes): (length: number, buffer: Uint8Array) => boolean {
  return (length, buffer) => {
    onBytes(buffer as Buffer, length)
    return true
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
  if (typeof handle?.useUserBuffer !== 'function') return readEvents(accepted, onBytes)
  if (accepted instanceof TLSSocket) return readDecrypted(accepted, handle as UserBuffer, onBytes)
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
  giveEarly(socket, early, onBytes)
  return socket
}

function readEvents(socket: Socket, onBytes: OnBytes): Socket {
  socket.on('data', (bytes: Buffer) => onBytes(bytes, bytes.byteLength))
  return socket.resume()
}

/** A socket of our own would know nothing of its certificates, so it stays the one that it is. */
function readDecrypted(socket: TLSSocket, handle: UserBuffer, onBytes: OnBytes): Socket {
  const fields = (onreadFields ??= findOnreadFields(socket))
  if (fields === undefined) return readEvents(socket, onBytes)
  const early = socket.readableLength > 0 ? (socket.read() as Buffer) : undefined
  Object.assign(socket, { [fields.buffer]: SHARED, [fields.callback]: callbackFor(onBytes) })
  handle.useUserBuffer(SHARED)
  giveEarly(socket, early, onBytes)
  return socket.resume()
}

function giveEarly(socket: Socket, early: Buffer | undefined, onBytes: OnBytes): void {
  if (early !== undefined) process.nextTick(() => socket.destroyed || onBytes(early, early.byteLength))
}

interface UserBuffer {
  useUserBuffer(buffer: Uint8Array): void
}

/** Under what a socket keeps its `onread`: symbols, the same ones in all sockets. */
interface OnreadFields {
  readonly buffer: symbol
  readonly callback: symbol
}

let onreadFields: OnreadFields | undefined

function findOnreadFields(socket: Socket): OnreadFields | undefined {
  const symbols = Object.getOwnPropertySymbols(socket)
  const buffer = symbols.find(({ description }) => description === 'kBuffer')
  const callback = symbols.find(({ description }) => description === 'kBufferCb')
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback }
}
