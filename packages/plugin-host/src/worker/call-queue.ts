/** Calls that wait for a plugin's thread, in their order, and no longer than their time. */
import type { Clock, ScheduledCall } from '@sluice/wire'
import type { PendingCall } from './pending-call.ts'

export class CallQueue {
  readonly #clock: Clock
  readonly #maxWaitMs: number
  readonly #expired: (call: PendingCall) => void
  readonly #calls: PendingCall[] = []
  #timer: ScheduledCall | undefined = undefined

  constructor(clock: Clock, maxWaitMs: number, expired: (call: PendingCall) => void) {
    this.#clock = clock
    this.#maxWaitMs = maxWaitMs
    this.#expired = expired
  }

  get size(): number {
    return this.#calls.length
  }

  /** Whose turn it is. */
  get first(): PendingCall | undefined {
    return this.#calls[0]
  }

  push(call: PendingCall): void {
    this.#calls.push(call)
  }

  /** Puts calls back that were first before. */
  putBack(calls: readonly PendingCall[]): void {
    this.#calls.unshift(...calls)
  }

  shift(): void {
    this.#calls.shift()
  }

  /** Takes all. */
  clear(): PendingCall[] {
    return this.#calls.splice(0)
  }

  /** Gives calls up whose time is over. To be called where some are left for later. */
  watch(): void {
    const { first } = this
    if (first === undefined || this.#timer !== undefined) return
    const leftMs = first.startedAt + this.#maxWaitMs - this.#clock.now()
    this.#timer = this.#clock.schedule(Math.max(1, leftMs), () => {
      this.#timer = undefined
      const before = this.#clock.now() - this.#maxWaitMs
      while (this.#calls.length > 0 && this.#calls[0]!.startedAt <= before) this.#expired(this.#calls.shift()!)
      this.watch()
    })
  }

  /** Nobody waits any more. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
