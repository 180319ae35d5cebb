/**
 * Exchanges that wait for a place at an upstream whose targets are all busy: bounded in number and in time. First come,
 * first served; or last come, first served, which under overload serves some in time where a fair queue serves everybody
 * too late.
 */
import type { Clock, ScheduledCall } from '@sluice/wire'

/** One that waits. */
export interface PendingExchange {
  /** There may be room: says whether it took it, or needs it no more. */
  proceed(): boolean
  /** It has waited too long. */
  expired(): void
}

interface Entry {
  readonly waiting: PendingExchange
  readonly timer: ScheduledCall | undefined
}

export class PendingQueue {
  readonly #clock: Clock
  readonly #maxPending: number
  readonly #timeoutMs: number
  readonly #isLifo: boolean
  readonly #entries: Entry[] = []
  #isServing = false

  constructor(clock: Clock, options: { maxPending: number; timeoutMs: number; order: 'fifo' | 'lifo' }) {
    this.#clock = clock
    this.#maxPending = options.maxPending
    this.#timeoutMs = options.timeoutMs
    this.#isLifo = options.order === 'lifo'
  }

  get size(): number {
    return this.#entries.length
  }

  /** Says whether there is a place to wait. */
  enter(waiting: PendingExchange): boolean {
    if (this.#entries.length >= this.#maxPending) return false
    const timer =
      this.#timeoutMs === 0
        ? undefined
        : this.#clock.schedule(this.#timeoutMs, () => {
            this.leave(waiting)
            waiting.expired()
          })
    this.#entries.push({ waiting, timer })
    return true
  }

  /** It waits no more. */
  leave(waiting: PendingExchange): void {
    const index = this.#entries.findIndex((entry) => entry.waiting === waiting)
    if (index >= 0) this.#entries.splice(index, 1)[0]!.timer?.cancel()
  }

  /** There may be room: those who wait take it, until one finds none. */
  serve(): void {
    // One that proceeds may fail at once and free its place again: the loop below is already there for the next.
    if (this.#isServing) return
    this.#isServing = true
    try {
      while (this.#entries.length > 0) {
        const entry = this.#isLifo ? this.#entries.at(-1)! : this.#entries[0]!
        if (!entry.waiting.proceed()) return
        this.leave(entry.waiting)
      }
    } finally {
      this.#isServing = false
    }
  }
}
