/** What a connection writes in one turn of the event loop: gathered, and handed to its socket at the end, in one piece where it can be. */
import type { Socket } from 'node:net'
import { latin1 } from '../http1/latin1.ts'
import { unsentBytes } from '../net/unsent-bytes.ts'

/** Up to here bytes become text: for so few, that costs less than a buffer of their own in the write does. */
const MAX_TEXT_BYTES = 8_192

export class TurnOutput {
  readonly #socket: Socket
  #text = ''
  /** Texts and bytes that are too long to be text, ahead of `#text`. */
  #parts: (string | Uint8Array)[] | undefined = undefined
  /** Bytes that were ever handed to it. */
  bytes = 0
  /** The socket has taken as much as it wants, until it drains. */
  isBlocked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** What was written and has not left. */
  get unsent(): number {
    return unsentBytes(this.#socket)
  }

  text(text: string): void {
    this.bytes += text.length
    this.#text += text
  }

  chunk(bytes: Uint8Array): void {
    this.bytes += bytes.byteLength
    if (bytes.byteLength <= MAX_TEXT_BYTES) {
      this.#text += latin1(bytes)
      return
    }
    if (this.#parts === undefined) this.#parts = [this.#text, bytes]
    else this.#parts.push(this.#text, bytes)
    this.#text = ''
  }

  /** Hands it over. */
  flush(): void {
    const text = this.#text
    const parts = this.#parts
    if (text === '' && parts === undefined) return
    this.#text = ''
    this.#parts = undefined
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return
    if (parts === undefined) {
      this.isBlocked = !socket.write(text, 'latin1')
      return
    }
    socket.cork()
    for (const part of parts)
      if (typeof part !== 'string') socket.write(part)
      else if (part !== '') socket.write(part, 'latin1')
    if (text !== '') socket.write(text, 'latin1')
    socket.uncork()
    this.isBlocked = socket.writableNeedDrain
  }
}
