/** Work on the same name, one after the other; on others at the same time. */

export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  has(name: string): boolean {
    return this.#last.has(name)
  }

  /** The last of the work on a name; `undefined` where there is none. */
  last(name: string): Promise<void> | undefined {
    return this.#last.get(name)
  }

  /** Work looks after its own failures: the next is done whatever became of it. */
  run(name: string, work: () => Promise<void>): Promise<void> {
    const turn = this.#after(this.#last.get(name), work)
    this.#last.set(name, turn)
    void turn.finally(() => {
      if (this.#last.get(name) === turn) this.#last.delete(name)
    })
    return turn
  }

  async #after(previous: Promise<void> | undefined, work: () => Promise<void>): Promise<void> {
    await previous
    await work().catch(() => {})
  }
}
