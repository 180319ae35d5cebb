/** Requests that wait while all connections of a pool are busy: who came first is served first, each within a time limit. */
import type { Clock, ScheduledCall } from '../clock.ts'
import type { Waiter } from './pool-contract.ts'

interface Place {
  readonly waiter: Waiter
  readonly timeout: ScheduledCall | undefined
}

/** How long a line may become, and how long a wait in it: milliseconds, 0 for no limit. */
export interface WaitingLineOptions {
  readonly maxPending: number
  readonly pendingTimeoutMs: number
}

export class WaitingLine {
  readonly #options: WaitingLineOptions
  readonly #clock: Clock
  readonly #expired: (waiter: Waiter) => void
  readonly #places: Place[] = []

  /** `expired` is called for one that has waited too long, and is still in the line. */
  constructor(options: WaitingLineOptions, clock: Clock, expired: (waiter: Waiter) => void) {
    this.#options = options
    this.#clock = clock
    this.#expired = expired
  }

  get length(): number {
    return this.#places.length
  }

  /** Lines up; `false` where there is no place. */
  join(waiter: Waiter): boolean {
    const { maxPending, pendingTimeoutMs } = this.#options
    if (this.#places.length >= maxPending) return false
    const timeout =
      pendingTimeoutMs > 0 ? this.#clock.schedule(pendingTimeoutMs, () => this.#expired(waiter)) : undefined
    this.#places.push({ waiter, timeout })
    return true
  }

  /** Harmless for one that is not in it. */
  leave(waiter: Waiter): void {
    this.#take(this.#places.findIndex((each) => each.waiter === waiter))
  }

  /** Takes the first out of it; `undefined` where nobody waits. */
  next(): Waiter | undefined {
    return this.#take(0)
  }

  /** Takes out the first that a connection will do for which has served others. */
  nextForReused(): Waiter | undefined {
    return this.#take(this.#places.findIndex(({ waiter }) => !waiter.needsFresh))
  }

  #take(index: number): Waiter | undefined {
    const [place] = index < 0 ? [] : this.#places.splice(index, 1)
    place?.timeout?.cancel()
    return place?.waiter
  }
}
