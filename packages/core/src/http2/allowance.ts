/** What a client may do so often at once, and so often in the long run: a token bucket. */
import type { Clock } from '@sluice/wire'

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
  take(cost = 1): boolean {
    this.#refill()
    if (this.#left < cost) return false
    this.#left -= cost
    return true
  }

  /** The part of the burst that is left, from 0 to 1. */
  get share(): number {
    this.#refill()
    return this.#left / this.#burst
  }

  #refill(): void {
    const now = this.#clock.now()
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1_000) * this.#perSecond)
    this.#at = now
  }
}
