/** A client that says a number of pieces, one in each turn of the event loop, and hangs up when it was heard. */
import { connect } from 'node:net'

/** Longest wait for the end of a connection: whoever takes longer waits for something that will not come. */
const PATIENCE_MS = 10_000

/** How long after the last piece the client hangs up, in turns of the event loop. */
export function turnsFor(pieces: readonly string[]): number {
  return 8 + pieces.length
}

/**
 * Says the pieces, and returns what came back. `spoken` is called with the local port before the first of them.
 * @throws {Error} when the connection is not closed in the end
 */
export async function converse(
  port: number,
  pieces: readonly string[],
  spoken: (localPort: number) => void,
): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error('the connection was not closed'))
    }, PATIENCE_MS)
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(received)
    })
    let received = ''
    socket.on('data', (bytes) => (received += bytes.toString('latin1')))
    socket.on('connect', () => {
      spoken(socket.localPort!)
      let turn = 0
      const last = pieces.length + turnsFor(pieces)
      const next = (): void => {
        if (socket.destroyed) return
        const piece = pieces[turn++]
        if (piece !== undefined) socket.write(piece, 'latin1')
        if (turn < last) setImmediate(next)
        else socket.end()
      }
      next()
    })
  })
}
