/** Breaking a connection off. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Ends a connection by a reset where its transport has one, so that the peer can't take it for a clean end. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (socket instanceof TLSSocket || socket.remoteAddress === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
