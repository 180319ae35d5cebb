/**
 * Small texts, straight to a socket's handle. `socket.write` keeps a state, a queue and a tick for each write, which the kernel has
 * nearly always taken before the call returns; `_write`, the step behind it, does the writing and nothing else. That saves 1 µs of a
 * small request's 22 (docs/performance.md). What a kernel does not take waits in the handle's queue, in order with all that
 * is written after it, and is seen by `unsentBytes`, not by `writableLength`.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/**
 * Longer texts go the long way. A socket's buffer holds more than this before `write` asks to wait, so what is written here never has to;
 * and up to here Node encodes on its stack and writes at once.
 */
const MAX_TEXT_CHARS = 16_384

/** Writes text (as latin1) to one socket; says whether it wants more. */
export class TextWriter {
  readonly #socket: Socket
  readonly #isDirect: boolean
  readonly #written: (error?: Error | null) => void
  /** Whether the last text still waits for the kernel. */
  #isWaiting = false

  /** Takes a socket that is connected. */
  constructor(socket: Socket) {
    const written = (error?: Error | null): void => {
      this.#isWaiting = false
      if (error) socket.destroy(error)
    }
    this.#socket = socket
    // TLS writes when it has encrypted, which is not before the call returns.
    this.#isDirect = !(socket instanceof TLSSocket)
    this.#written = written
  }

  write(text: string): boolean {
    const socket = this.#socket
    if (!this.#isDirect || this.#isWaiting || text.length > MAX_TEXT_CHARS || !isAtRest(socket))
      return socket.write(text, 'latin1')
    this.#isWaiting = true
    socket._write(text, 'latin1', this.#written)
    return true
  }
}

function isAtRest(socket: Socket): boolean {
  return socket.writableLength === 0 && !socket.writableEnded
}
