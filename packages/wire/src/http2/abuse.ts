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

export class AbuseCounter {
  readonly #resets: Allowance
  readonly #controls: Allowance
  readonly #overhead: Allowance
  /** Bytes that were written when overhead was last counted. */
  #written = 0
  /** What of bodies may still come to nothing: their readers had enough, and their senders did not know. */
  #strayBytes = 0

  constructor(clock: Clock, bounds: AbuseBounds) {
    this.#resets = new Allowance(clock, bounds.resetBurst, bounds.resetsPerSecond)
    this.#controls = new Allowance(clock, bounds.controlBurst, bounds.controlsPerSecond)
    this.#overhead = new Allowance(clock, OVERHEAD_BURST_BYTES, OVERHEAD_BYTES_PER_SECOND)
  }

  /** A stream that ends before it has a reply, by the client or because of it. */
  reset(): Http2Abuse | undefined {
    return this.#resets.take(1) ? undefined : 'resets'
  }

  /** A head that is far too large. */
  bomb(written: number): Http2Abuse | undefined {
    return this.overhead(BOMB_BYTES, written)
  }

  /** What has to be answered, or does nothing: PING, SETTINGS, empty DATA. */
  control(): Http2Abuse | undefined {
    return this.#controls.take(1) ? undefined : 'controls'
  }

  /** Bytes that are neither a request nor content. `written` are those that were sent to the client so far. */
  overhead(bytes: number, written: number): Http2Abuse | undefined {
    if (written > this.#written) {
      this.#overhead.give((written - this.#written) / READING_SHARE)
      this.#written = written
    }
    return this.#overhead.take(bytes) ? undefined : 'overhead'
  }

  /** So many bytes of a body may still be on their way. */
  expectStray(bytes: number): void {
    this.#strayBytes += bytes
  }

  /** Bytes of a body that nobody waits for. */
  stray(bytes: number, written: number): Http2Abuse | undefined {
    const unexpected = Math.max(0, bytes - this.#strayBytes)
    this.#strayBytes = Math.max(0, this.#strayBytes - bytes)
    return unexpected === 0 ? undefined : this.overhead(unexpected, written)
  }
}
