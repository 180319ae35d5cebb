/**
 * Each of the two stores counts its own purges. The number that is handed out is that of the store in front, which sees all of them; for
 * each is known what the other's was then.
 */
import type { CacheStore } from '../store.ts'

interface Moment {
  readonly front: number
  behind: number
}

const MAX_MOMENTS = 1_000

export class Generations {
  readonly #front: CacheStore
  readonly #behind: CacheStore
  readonly #moments: Moment[]

  constructor(front: CacheStore, behind: CacheStore) {
    this.#front = front
    this.#behind = behind
    this.#moments = [{ front: front.generation, behind: behind.generation }]
  }

  get current(): number {
    const last = this.#moments.at(-1)!
    // A store that has to ask for it first knows none for a while.
    if (last.behind === 0) last.behind = this.#behind.generation
    return last.front
  }

  /** To be called when both have been told of a purge. */
  note(): void {
    this.#moments.push({ front: this.#front.generation, behind: this.#behind.generation })
    if (this.#moments.length > MAX_MOMENTS) this.#moments.splice(0, MAX_MOMENTS / 2)
  }

  /** What the number of the store behind was then; `undefined` where that is too long ago. */
  behind(front: number): number | undefined {
    return this.#moments.findLast((moment) => moment.front <= front)?.behind
  }
}
