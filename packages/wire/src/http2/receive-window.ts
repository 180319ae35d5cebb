/**
 * What a peer may still send, of a body or of all of them (RFC 9113, section 5.2). It is given more as what it has sent is taken, though
 * not for every few bytes: half a window at a time.
 */

export class ReceiveWindow {
  readonly #size: number
  /** Below 0 where more has come than there may be. */
  #left: number
  /** What was taken, and the peer does not know yet. */
  #taken = 0

  /** `first` is what the peer may send before it has heard of `size`, where that is more. */
  constructor(size: number, first: number = size) {
    this.#size = size
    this.#left = first
  }

  /** The peer has sent so many; `false` where it may not have. */
  spend(bytes: number): boolean {
    this.#left -= bytes
    return this.#left >= 0
  }

  /** So many were taken. Says by how much the window is to be opened now, which may be nothing. */
  take(bytes: number): number {
    const taken = this.#taken + bytes
    if (taken < this.#size / 2) {
      this.#taken = taken
      return 0
    }
    this.#taken = 0
    this.#left += taken
    return taken
  }
}
