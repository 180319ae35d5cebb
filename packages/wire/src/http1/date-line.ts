/** The `Date` field (RFC 9110, section 6.6.1), made once a second. */
import type { Clock } from '../clock.ts'

/** Gives the line for the current second of one clock. */
export class DateLine {
  readonly #clock: Clock
  #second = -1
  #line = ''

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `Date: ...` with its CRLF. */
  get current(): string {
    const now = this.#clock.wallTime()
    const second = Math.floor(now / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#line = `Date: ${new Date(now).toUTCString()}\r\n`
    }
    return this.#line
  }
}
