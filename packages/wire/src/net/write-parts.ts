/** Several pieces in one write. */
import type { Socket } from 'node:net'

/** Writes text (as latin1), bytes and text, in one system call; says whether the socket wants more. */
export function writeParts(socket: Socket, before: string, bytes: Uint8Array, after: string): boolean {
  if (before === '' && after === '') return socket.write(bytes)
  socket.cork()
  if (before !== '') socket.write(before, 'latin1')
  let hasRoom = socket.write(bytes)
  if (after !== '') hasRoom = socket.write(after, 'latin1')
  socket.uncork()
  return hasRoom
}
