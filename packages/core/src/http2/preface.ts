/**
 * Which protocol a connection without TLS begins with: HTTP/2 has a preface of its own (RFC 9113, section 3.4), whose first
 * line no HTTP/1.1 request has. What was read goes back, so that whoever takes the connection gets all of it.
 */
import type { Socket } from 'node:net'
import type { Clock, ScheduledCall } from '@sluice/wire'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** How long a client may take. 0 for any time. */
export interface PrefaceTimeouts {
  /** To its first byte. */
  readonly idleTimeoutMs: number
  /** From there to where the two can be told apart. */
  readonly headTimeoutMs: number
}

/** Calls back with the socket paused, unless it has closed before. */
export function readPreface(
  socket: Socket,
  clock: Clock,
  timeouts: PrefaceTimeouts,
  found: (isHttp2: boolean) => void,
): void {
  new PrefaceReader(socket, clock, timeouts, found).start()
}

class PrefaceReader {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #timeouts: PrefaceTimeouts
  readonly #found: (isHttp2: boolean) => void
  #bytes: Buffer = Buffer.alloc(0)
  #timeout: ScheduledCall | undefined = undefined

  constructor(socket: Socket, clock: Clock, timeouts: PrefaceTimeouts, found: (isHttp2: boolean) => void) {
    this.#socket = socket
    this.#clock = clock
    this.#timeouts = timeouts
    this.#found = found
  }

  start(): void {
    this.#wait(this.#timeouts.idleTimeoutMs)
    this.#socket.on('error', ignore).on('data', this.#take).once('end', this.#leave).once('close', this.#stop)
    this.#socket.resume()
  }

  #wait(delayMs: number): void {
    this.#timeout?.cancel()
    this.#timeout = delayMs === 0 ? undefined : this.#clock.schedule(delayMs, this.#leave)
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.#bytes.byteLength === 0) this.#wait(this.#timeouts.headTimeoutMs)
    const bytes = (this.#bytes = this.#bytes.byteLength === 0 ? chunk : Buffer.concat([this.#bytes, chunk]))
    const length = Math.min(bytes.byteLength, PREFACE.byteLength)
    const isHttp2 = bytes.compare(PREFACE, 0, length, 0, length) === 0
    if (isHttp2 && length < PREFACE.byteLength) return
    const socket = this.#socket
    this.#stop()
    socket.pause()
    socket.unshift(bytes)
    this.#found(isHttp2)
    socket.off('error', ignore)
  }

  readonly #leave = (): void => void this.#socket.destroy()

  readonly #stop = (): void => {
    this.#timeout?.cancel()
    this.#socket.off('data', this.#take).off('end', this.#leave).off('close', this.#stop)
  }
}

function ignore(): void {}
