/** What a client may do so often at once, and so often in the long run: a token bucket. */
import type { Clock } from '../clock.ts'

export class Allowance {
  readonly #clock: Clock
  readonly #burst: number
  readonly #perSecond: number
  #left: number
  #at: number

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock
    this.#burst = burst
    this.#perSecond = perSecond
    this.#left = burst
    this.#at = clock.now()
  }

  /** Takes `cost`; `false` where there is not as much left. */
  take(cost: number): boolean {
    // The clock is asked where it matters: an allowance that nobody comes near costs a subtraction.
    if (this.#left < cost) this.#refill()
    if (this.#left < cost) return false
    this.#left -= cost
    return true
  }

  /** Puts some back. */
  give(amount: number): void {
    this.#left = Math.min(this.#burst, this.#left + amount)
  }

  #refill(): void {
    const now = this.#clock.now()
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1_000) * this.#perSecond)
    this.#at = now
  }
}
