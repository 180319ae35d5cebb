/**
 * The ways in which a connection ends (RFC 9113, sections 5.4.1 and 6.8): it retires, which is to take nothing new once its client knows;
 * it closes behind what is under way; or it ends here and now, with an error or without one. GOAWAY is the last that is said, and what
 * its client has not read of that is not cut off.
 */
import type { Socket } from 'node:net'
import type { ConnectionTimes } from './connection-times.ts'
import type { ConnectionWriter } from './connection-writer.ts'
import { RETIRING } from './control-frames.ts'
import { ENHANCE_YOUR_CALM, LARGEST_STREAM_ID, NO_ERROR, NO_FLAGS } from './frame-types.ts'

/** What is read of one that has ended, so that it gets to what was said last. */
const PARTING_BYTES = 1_048_576

export interface EndingConnection {
  readonly socket: Socket
  readonly writer: ConnectionWriter
  readonly times: ConnectionTimes
  /** Whether no stream is open. */
  readonly isIdle: boolean
  /** The last stream that was taken. */
  readonly lastStream: number
  /** Nothing more is said: what is under way is broken off, and the client is read so far that it hears that. */
  ended(): void
}

export class ConnectionEnding {
  /** Nothing more is read as HTTP. */
  isOver = false
  /** What is new is not taken any more. */
  isClosed = false
  readonly #connection: EndingConnection
  #partingBytes = 0

  constructor(connection: EndingConnection) {
    this.#connection = connection
  }

  /** The client was told to send nothing new, and still may. */
  get isRetiring(): boolean {
    return this.#connection.times.isRetired && !this.isClosed
  }

  /** First tells the client to send nothing new; what has crossed that on its way is still served (RFC 9113, section 6.8). */
  retire(): void {
    const { times, writer } = this.#connection
    if (times.isRetired || this.isOver) return
    writer.goAway(LARGEST_STREAM_ID, NO_ERROR)
    // Its answer comes behind everything that it sent before it knew.
    writer.ping(NO_FLAGS, RETIRING)
    times.retired()
  }

  retireOrEnd(): void {
    if (this.#connection.isIdle) this.end(NO_ERROR)
    else this.retire()
  }

  /** Takes nothing new; goes when nothing is under way. */
  close(): void {
    if (this.isClosed || this.isOver) return
    this.isClosed = true
    const { isIdle, lastStream, writer } = this.#connection
    if (isIdle) this.end(NO_ERROR)
    else writer.goAway(lastStream, NO_ERROR)
  }

  /** The last words; whatever is under way is broken off. */
  end(code: number): void {
    if (this.isOver) return
    this.isOver = true
    const { lastStream, socket, times, writer } = this.#connection
    writer.goAway(lastStream, code)
    writer.output.flush()
    socket.end()
    times.ended(code !== NO_ERROR)
    this.#connection.ended()
  }

  /** The client does something too often, or does not go on with what it has begun. */
  endCalmly(): void {
    this.end(ENHANCE_YOUR_CALM)
  }

  endNow(): void {
    this.end(NO_ERROR)
    // A turn later, by which what was said last has left.
    setImmediate(() => this.drop())
  }

  /** Bytes have come behind the end. Unread, they would cost the client what was said last. */
  tookBehind(bytes: number): void {
    if ((this.#partingBytes += bytes) > PARTING_BYTES) this.drop()
  }

  /** Whatever is left of it. */
  drop(): void {
    this.#connection.socket.destroy()
  }
}
