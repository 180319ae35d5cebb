/**
 * What a client may do that is of use to nobody, counted where it is read, so that a flood ends with the frame that makes it one. The
 * costs are those of frames as they were measured: what makes work beyond its own bytes costs more than these.
 */
import type { Clock } from '../clock.ts'
import { Allowance } from './allowance.ts'

/** What it did too often. */
export type Http2Abuse = 'resets' | 'controls' | 'overhead'

/** How often it may. */
export interface AbuseBounds {
  readonly resetBurst: number
  readonly resetsPerSecond: number
  readonly controlBurst: number
  readonly controlsPerSecond: number
}

const OVERHEAD_BURST_BYTES = 131_072
const OVERHEAD_BYTES_PER_SECOND = 131_072
/** Whoever reads a reply says so: 13 bytes for every few KiB, twice, where a client's window is small. */
const READING_SHARE = 16
/** A head that is far too large makes as much work as so many bytes of small frames. */
const BOMB_BYTES = 32_768

/** Who is told. */
export interface AbuseOwner {
  /** Bytes that were sent to the client so far. */
  readonly bytesWritten: number
  /** The client has done this too often. */
  refuse(abuse: Http2Abuse): void
}

export class AbuseCounter {
  readonly #owner: AbuseOwner
  readonly #resets: Allowance
  readonly #controls: Allowance
  readonly #overhead: Allowance
  /** Bytes that were written when overhead was last counted. */
  #written = 0
  /** What of bodies may still come to nothing: their readers had enough, and their senders did not know. */
  #strayBytes = 0

  constructor(clock: Clock, bounds: AbuseBounds, owner: AbuseOwner) {
    this.#owner = owner
    this.#resets = new Allowance(clock, bounds.resetBurst, bounds.resetsPerSecond)
    this.#controls = new Allowance(clock, bounds.controlBurst, bounds.controlsPerSecond)
    this.#overhead = new Allowance(clock, OVERHEAD_BURST_BYTES, OVERHEAD_BYTES_PER_SECOND)
  }

  /** One more stream that ends before it has a reply, by the client or because of it. */
  reset(): void {
    if (!this.#resets.take(1)) this.#owner.refuse('resets')
  }

  /** A head that is far too large. */
  bomb(): void {
    this.overhead(BOMB_BYTES)
  }

  /** What has to be answered, or does nothing: PING, SETTINGS, empty DATA. */
  control(): void {
    if (!this.#controls.take(1)) this.#owner.refuse('controls')
  }

  /** Bytes that are neither a request nor content. */
  overhead(bytes: number): void {
    const written = this.#owner.bytesWritten
    if (written > this.#written) {
      this.#overhead.give((written - this.#written) / READING_SHARE)
      this.#written = written
    }
    if (!this.#overhead.take(bytes)) this.#owner.refuse('overhead')
  }

  /** So many bytes of a body may still be on their way. */
  expectStray(bytes: number): void {
    this.#strayBytes += bytes
  }

  /** Bytes of a body that nobody waits for. */
  stray(bytes: number): void {
    const unexpected = Math.max(0, bytes - this.#strayBytes)
    this.#strayBytes = Math.max(0, this.#strayBytes - bytes)
    if (unexpected > 0) this.overhead(unexpected)
  }
}
