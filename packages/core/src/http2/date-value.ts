/** The value of `Date` (RFC 9110, section 6.6.1), made once a second. */
import type { Clock } from '@sluice/wire'

export class DateValue {
  readonly #clock: Clock
  #second = -1
  #value = ''

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get current(): string {
    const now = this.#clock.wallTime()
    const second = Math.floor(now / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#value = new Date(now).toUTCString()
    }
    return this.#value
  }
}
