/**
 * The streams that were reset, by either side, before their clients had sent all: what these had on their way still comes, and is dropped
 * (RFC 9113, section 5.1). Only they are remembered, since a stream that ends in order has nothing behind its end.
 */

/** So many are known one by one; where there are more, whatever is below them gets the benefit of the doubt. */
const MAX_KNOWN = 256

export class CutStreams {
  readonly #ids = new Set<number>()
  #highest = 0
  /** Down from here nobody knows any more. */
  #forgotten = 0

  add(id: number): void {
    if (this.#ids.size >= MAX_KNOWN) {
      this.#forgotten = this.#highest
      this.#ids.clear()
    }
    this.#ids.add(id)
    if (id > this.#highest) this.#highest = id
  }

  /** Whether its client may not have known that it is over. */
  mayHave(id: number): boolean {
    return id <= this.#forgotten || this.#ids.has(id)
  }
}
