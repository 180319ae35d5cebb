/**
 * What a client sends beside requests and bodies: frames that the engine deals with by itself, and tells nobody of. Whatever
 * the flood is made of (WINDOW_UPDATE, PRIORITY, padding, frames of unknown types, heads that are too large to become a
 * request), it is bytes that were read and came to nothing; so those are counted, and bounded.
 */
import type { Socket } from 'node:net'
import type { Clock } from '@sluice/wire'
import { Allowance } from './allowance.ts'

const BURST_BYTES = 524_288
const BYTES_PER_SECOND = 131_072
/** Whoever reads a reply says so: 13 bytes for every few KiB, twice, where a client's window is small. */
const READING_SHARE = 1 / 16
/** Of a request, beside its fields: the head of a frame or two. */
const REQUEST_BYTES = 64

export class Overhead {
  readonly #socket: Socket
  readonly #allowance: Allowance
  #accounted = 0
  /** The most that it has come to. */
  #seen = 0

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket
    this.#allowance = new Allowance(clock, BURST_BYTES, BYTES_PER_SECOND)
  }

  /** A request, with so many bytes in its fields, and as many of its body as may come unread. */
  request(fieldBytes: number, unreadBytes: number): void {
    this.#accounted += REQUEST_BYTES + fieldBytes + unreadBytes
  }

  /** Bytes of bodies or tunnels. */
  content(bytes: number): void {
    this.#accounted += bytes
  }

  /** `false` once it is too much. `flowing` are bytes of content that were read, and not told by {@link content} yet. */
  isBearable(flowing: number): boolean {
    const { bytesRead, bytesWritten } = this.#socket
    const overhead = bytesRead - bytesWritten * READING_SHARE - this.#accounted - flowing
    if (overhead <= this.#seen) return true
    const more = overhead - this.#seen
    this.#seen = overhead
    return this.#allowance.take(more)
  }
}
