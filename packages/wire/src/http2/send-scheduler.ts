/**
 * Who sends next: bodies of a connection take turns, a frame each, within the connection's window (RFC 9113, section 5.2) and what a turn
 * of the event loop may write. A large reply holds up no small one, nor one connection another.
 */
import { DEFAULT_FRAME_BYTES, DEFAULT_WINDOW_BYTES, LARGEST_WINDOW_BYTES } from './frame-types.ts'
import type { StreamWriter } from './stream-writer.ts'
import type { TurnOutput } from './turn-output.ts'

/** What one connection writes of bodies in one turn. */
const TURN_BYTES = 131_072

export class SendScheduler {
  /** What the client takes on all streams together. */
  window: number = DEFAULT_WINDOW_BYTES
  /** What waits in all writers. */
  queuedBytes = 0
  readonly #ready: StreamWriter[] = []
  /** Those whose source is to go on. */
  #drained: StreamWriter[] = []

  /** Whether there is something to send, and room for it. */
  get canSend(): boolean {
    return this.#ready.length > 0 && this.window > 0
  }

  /** The writer has something to send. */
  ready(writer: StreamWriter): void {
    if (writer.isReady) return
    writer.isReady = true
    this.#ready.push(writer)
  }

  /** The writer waits for no more than a turn: its source is told when the turn is over. */
  drained(writer: StreamWriter): void {
    this.#drained.push(writer)
  }

  /** `false` where no window is so large. */
  widen(bytes: number): boolean {
    this.window += bytes
    return this.window <= LARGEST_WINDOW_BYTES
  }

  /** Sends what may be sent now. */
  send(output: TurnOutput): void {
    const ready = this.#ready
    let left = TURN_BYTES
    // So many have had their turn without sending: with all of them, nobody can.
    let idle = 0
    while (left > 0 && idle < ready.length) {
      const writer = ready.shift()!
      const sent = writer.send(output, Math.min(this.window, left, DEFAULT_FRAME_BYTES))
      this.window -= sent
      this.queuedBytes -= sent
      left -= sent
      if (writer.isReady) ready.push(writer)
      if (sent > 0) idle = 0
      else if (writer.isReady) idle++
    }
  }

  /** Has sources go on. */
  resumeDrained(): void {
    while (this.#drained.length > 0) this.#drained.pop()!.resume()
  }
}
