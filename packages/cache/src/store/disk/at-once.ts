/** So much work at the same time and no more, the rest in the order in which it came: each has a file open, of which a process has so many. */

export class AtOnce {
  readonly #max: number
  readonly #waiting: (() => void)[] = []
  /** How many of those that waited have begun: an array's beginning is dear to take away. */
  #begun = 0
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count < this.#max) this.#count++
    // Whoever is done hands its place over.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #next(): void {
    const begin = this.#waiting[this.#begun]
    if (begin === undefined) {
      this.#count--
      return
    }
    // Half at a time, so that it costs nothing on the whole.
    if (++this.#begun * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#begun)
      this.#begun = 0
    }
    begin()
  }
}
