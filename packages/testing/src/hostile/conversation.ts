/** One connection to a hostile upstream, seen from its side. */
import type { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'

/**
 * Long enough for the peer to read what was sent, before a RST makes its kernel forget it; a peer in this process reads in turns of the event
 * loop, however late those are.
 */
const READING_TIME_MS = 10
const READING_TURNS = 3

/** The connection has ended while more was to be done on it. */
export class ConversationOver extends Error {}

/** Reads everything that arrives, and plays one step after the other. */
export class Conversation {
  readonly #socket: Socket
  readonly #abort = new AbortController()
  readonly #chunks: Buffer[] = []
  #consumed = 0
  #onData: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#onData?.()
    })
    // Peers reset hostile connections, with good reason.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#abort.abort()
      this.#onData?.()
    })
  }

  /** All that has arrived. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Waits for the end of a head that was not waited for before. */
  async head(): Promise<void> {
    await this.#until(() => {
      const end = this.received.indexOf('\r\n\r\n', this.#consumed)
      if (end < 0) return false
      this.#consumed = end + 4
      return true
    })
  }

  /** Waits for anything beyond the heads that were waited for. */
  async more(): Promise<void> {
    await this.#until(() => this.received.length > this.#consumed)
  }

  /** Sends, text as latin1, and waits until the kernel has it. */
  async send(bytes: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const written = (error?: Error | null): void => (error ? reject(new ConversationOver()) : resolve())
      if (typeof bytes === 'string') this.#socket.write(bytes, 'latin1', written)
      else this.#socket.write(bytes, written)
    })
  }

  async pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#abort.signal })
    } catch {
      throw new ConversationOver()
    }
  }

  /** Reads no more. */
  stopReading(): void {
    this.#socket.pause()
  }

  /** Closes its side in order. */
  fin(): void {
    this.#socket.end()
  }

  /** Tears the connection down with a RST. */
  async reset(): Promise<void> {
    if (this.#socket.bytesWritten > 0) await this.#beRead()
    this.#socket.resetAndDestroy()
  }

  /** Closes both sides, as a process does that exits: with a RST where bytes were left unread. */
  async quit(): Promise<void> {
    await this.#beRead()
    this.#socket.destroy()
  }

  /** Closes both sides at once; resolves when that is done. */
  async destroy(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#socket.destroy()
    await closed
  }

  async #beRead(): Promise<void> {
    await this.pause(READING_TIME_MS)
    for (let i = 0; i < READING_TURNS; i++) await turn()
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#socket.destroyed) throw new ConversationOver()
      await new Promise<void>((resolve) => (this.#onData = resolve))
    }
  }
}
