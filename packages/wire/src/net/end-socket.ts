/** Ending a connection in order, behind all that was written to it. */
import type { Socket } from 'node:net'
import { unsentBytes } from './unsent-bytes.ts'

const NOTHING = Buffer.alloc(0)

/**
 * Ends our side behind all that waits; `flushed` is called once that has left. Node asks the handle for its end as soon as the
 * stream's own queue is empty, and from then on the handle refuses a reset. So a text that waits in the handle alone gets an empty
 * write behind it, which keeps the stream from asking early: a peer that never reads can still be broken off.
 */
export function endSocket(socket: Socket, flushed?: () => void): void {
  if (socket.writableLength === 0 && unsentBytes(socket) > 0) socket.end(NOTHING, flushed)
  else socket.end(flushed)
}
