/** Breaking a connection off. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { unsentBytes } from './unsent-bytes.ts'

/** Ends a connection by a reset where its transport has one, so that the peer can't take it for a clean end. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (socket instanceof TLSSocket || socket.remoteAddress === undefined || isBeingEnded(socket)) socket.destroy()
  else socket.resetAndDestroy()
}

/**
 * Everything has left and the end is on its way. A handle refuses a reset then (EINVAL), and Node would neither close it nor emit
 * 'close'. The peer has all there is, so that nothing is lost by an end in order.
 */
function isBeingEnded(socket: Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && unsentBytes(socket) === 0
}
