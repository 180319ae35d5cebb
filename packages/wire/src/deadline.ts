/**
 * A deadline that is put off again and again: for each request of a connection, for each chunk of a body. Arming it is one
 * assignment; the clock is asked for a call only where none is under way, and that call, when it comes too early, asks for
 * the rest. So a busy connection costs one scheduled call per timeout, not one per request.
 */
import type { Clock, ScheduledCall } from './clock.ts'

export class Deadline {
  readonly #clock: Clock
  readonly #onExpire: () => void
  #due = Number.POSITIVE_INFINITY
  #call: ScheduledCall | undefined = undefined
  #callAt = 0

  constructor(clock: Clock, onExpire: () => void) {
    this.#clock = clock
    this.#onExpire = onExpire
  }

  /** Expires `delayMs` from now, and not before; 0 is never. */
  arm(delayMs: number): void {
    if (delayMs === 0) return this.clear()
    this.#due = this.#clock.now() + delayMs
    if (this.#call !== undefined && this.#callAt <= this.#due) return
    this.#call?.cancel()
    this.#schedule(delayMs)
  }

  /** Never expires, until it is armed again. */
  clear(): void {
    this.#due = Number.POSITIVE_INFINITY
  }

  /** Never expires, and lets go of the clock. */
  dispose(): void {
    this.clear()
    this.#call?.cancel()
    this.#call = undefined
  }

  #schedule(delayMs: number): void {
    this.#callAt = this.#clock.now() + delayMs
    this.#call = this.#clock.schedule(delayMs, () => this.#check())
  }

  #check(): void {
    this.#call = undefined
    if (this.#due === Number.POSITIVE_INFINITY) return
    const left = this.#due - this.#clock.now()
    if (left > 0) return this.#schedule(left)
    this.clear()
    this.#onExpire()
  }
}
