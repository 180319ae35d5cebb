/** How much a socket has still to send: what tells a peer that reads slowly from one that does not read. */
import type { Socket } from 'node:net'

interface WithQueue {
  readonly _handle: { readonly writeQueueSize?: number } | null
}

/**
 * Bytes that the kernel has not taken yet. `writableLength` alone counts a chunk until all of it is gone, however large; the
 * handle's own count is not documented: where it is missing, progress is seen chunk by chunk.
 */
export function unsentBytes(socket: Socket): number {
  return socket.writableLength + ((socket as unknown as WithQueue)._handle?.writeQueueSize ?? 0)
}
