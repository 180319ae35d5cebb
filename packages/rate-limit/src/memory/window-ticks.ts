/**
 * Times of a sliding window in 32 bits. A tick is a power of two of milliseconds, so that to count in ticks rounds nothing else, and at most
 * 2^-28 of the window. What falls between two ticks counts from the second of them, and until the tick at or behind the
 * window's end: at most two ticks longer than it should, never shorter, and exactly where times are whole ticks.
 *
 * Ticks start again at 0 after eight windows: whoever keeps them has to know by other means that they are not older than three.
 */

/** Ticks of a window are at most so many: of times that are three windows apart the difference is still one of 32 bits. */
const MAX_TICKS = 2 ** 29

export class WindowTicks {
  /** How long a unit counts: the window, up to a whole tick. */
  readonly windowMs: number
  /** The same in ticks. */
  readonly window: number
  readonly #perMs: number

  constructor(windowMs: number) {
    this.#perMs = 2 ** Math.floor(Math.log2(MAX_TICKS / windowMs))
    this.window = Math.ceil(windowMs * this.#perMs)
    this.windowMs = this.window / this.#perMs
  }

  /** The last tick that has been at a time. */
  before(time: number): number {
    return Math.floor(time * this.#perMs) | 0
  }

  /** That or the next: from when on what is spent at a time counts. */
  behind(time: number): number {
    return Math.ceil(time * this.#perMs) | 0
  }

  /** The time of a tick that is not behind `last`, and less than a window before it. */
  timeOf(tick: number, last: number): number {
    const distance = (this.behind(last) - tick) | 0
    return distance === 0 ? last : (Math.ceil(last * this.#perMs) - distance) / this.#perMs
  }
}
