/**
 * Every timeout of a connection and of its streams, looked at by one call of the clock that comes round while there is anything to look
 * at: so a request arms none. A connection that has nothing to do is left alone until it was idle for too long.
 */
import type { Clock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import type { ConnectionEnding } from './connection-ending.ts'
import { NO_ERROR } from './frame-types.ts'
import type { Http2ConnectionOptions } from './http2-owner.ts'

/** How long a client that was told so may take to stop sending requests, and one whose connection has ended to close it. */
const PARTING_MS = 2_000

/** What it is asked of. */
export interface TimedConnection {
  readonly clock: Clock
  readonly options: Http2ConnectionOptions
  readonly ending: ConnectionEnding
  /** Whether no stream is open. */
  readonly isIdle: boolean
  /** Bytes that were written and have not left. */
  readonly unsent: number
  /** Looks at the timeouts of its streams. */
  checkStreams(now: number): void
}

export class ConnectionTimes {
  readonly #connection: TimedConnection
  readonly #deadline: Deadline
  readonly #openedAt: number
  #idleSince: number
  #retiredAt: number | undefined = undefined
  #endedAt: number | undefined = undefined
  /** It has ended because of what the client did: what that still reads is not waited for. */
  #isBlamed = false
  /** A frame or a head has begun, and which one that was. */
  #partialSince: number | undefined = undefined
  #partialFrame = 0
  #seenUnsent = 0
  #unsentAt = 0

  constructor(connection: TimedConnection) {
    this.#connection = connection
    this.#deadline = new Deadline(connection.clock, () => this.#look())
    this.#openedAt = this.#idleSince = connection.clock.now()
    this.#awaitNext()
  }

  get isRetired(): boolean {
    return this.#retiredAt !== undefined
  }

  /** Its timeouts are looked at soon. */
  watch(): void {
    this.#deadline.arm(this.#connection.options.sweepMs)
  }

  /** The last stream has closed. */
  idle(): void {
    this.#idleSince = this.#connection.clock.now()
  }

  /** The client was told to send nothing new. */
  retired(): void {
    this.#retiredAt = this.#connection.clock.now()
    this.watch()
  }

  /** Everything was said. */
  ended(isBlamed: boolean): void {
    this.#endedAt = this.#connection.clock.now()
    this.#isBlamed = isBlamed
    this.watch()
  }

  /** What has come so far ends within the frame, or the head, that began with the given one. */
  partial(frame: number): void {
    if (this.#partialSince !== undefined && this.#partialFrame === frame) return
    this.#partialSince = this.#connection.clock.now()
    this.#partialFrame = frame
    this.watch()
  }

  /** It does not. */
  whole(): void {
    this.#partialSince = undefined
  }

  dispose(): void {
    this.#deadline.dispose()
  }

  #look(): void {
    const connection = this.#connection
    const now = connection.clock.now()
    const isStuck = this.#isStuck(now)
    if (this.#endedAt !== undefined) return this.#awaitEnd(now, isStuck)
    if (isStuck) return connection.ending.drop()
    connection.checkStreams(now)
    if (this.#isStalled(now)) return connection.ending.endCalmly()
    this.#checkAge(now)
    if (this.#endedAt !== undefined) return
    const isBusy = !connection.isIdle || this.isRetired || this.#partialSince !== undefined || connection.unsent > 0
    if (isBusy) this.watch()
    else this.#awaitNext()
  }

  #checkAge(now: number): void {
    const connection = this.#connection
    const { idleTimeoutMs, maxAgeMs } = connection.options
    if (this.#retiredAt !== undefined && now - this.#retiredAt >= PARTING_MS) return connection.ending.close()
    if (connection.isIdle && idleTimeoutMs > 0 && now - this.#idleSince >= idleTimeoutMs)
      return connection.ending.end(NO_ERROR)
    if (maxAgeMs > 0 && now - this.#openedAt >= maxAgeMs) connection.ending.retireOrEnd()
  }

  /** Nothing is to be looked at before it was idle for too long, or is too old. */
  #awaitNext(): void {
    const { clock, options } = this.#connection
    const now = clock.now()
    const { idleTimeoutMs, maxAgeMs } = options
    let delayMs = idleTimeoutMs > 0 ? this.#idleSince + idleTimeoutMs - now : Number.POSITIVE_INFINITY
    if (maxAgeMs > 0) delayMs = Math.min(delayMs, this.#openedAt + maxAgeMs - now)
    if (delayMs < Number.POSITIVE_INFINITY) this.#deadline.arm(Math.max(1, delayMs))
  }

  #isStalled(now: number): boolean {
    const { headTimeoutMs } = this.#connection.options
    return headTimeoutMs > 0 && this.#partialSince !== undefined && now - this.#partialSince >= headTimeoutMs
  }

  /** Whether the client reads nothing of what was written. */
  #isStuck(now: number): boolean {
    const { unsent, options } = this.#connection
    if (unsent !== this.#seenUnsent) {
      this.#seenUnsent = unsent
      this.#unsentAt = now
    }
    return unsent > 0 && options.sendTimeoutMs > 0 && now - this.#unsentAt >= options.sendTimeoutMs
  }

  /** What the client is still reading is not cut off, unless it is to blame. */
  #awaitEnd(now: number, isStuck: boolean): void {
    const { unsent } = this.#connection
    const isReading = unsent > 0 && !isStuck && !this.#isBlamed
    if (!isReading && (isStuck || now - this.#endedAt! >= PARTING_MS)) this.#connection.ending.drop()
    else this.watch()
  }
}
