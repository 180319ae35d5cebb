/**
 * Failures in a row. A try is judged by its reply's head, so that a stream of hours need not end first; where its body then
 * breaks, what the head had wiped out comes back. Otherwise a target that breaks every body would never have two in a row.
 */

/** Counts failures in a row. */
export class FailureStreak {
  #length = 0
  /** How long it was when a success last ended it. */
  #ended = 0

  get length(): number {
    return this.#length
  }

  succeeded(): void {
    this.#ended = this.#length
    this.#length = 0
  }

  failed(): void {
    this.#length++
  }

  /** What was reported as a success has failed after all. */
  brokeOff(): void {
    this.#length = Math.max(this.#length, this.#ended) + 1
    this.#ended = 0
  }

  clear(): void {
    this.#length = 0
    this.#ended = 0
  }
}
