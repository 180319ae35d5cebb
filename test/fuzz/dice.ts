/** Choices that repeat themselves: everything a generator decides, from one seed. */
import { seededRandom } from '@sluice/testing'

export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** An integer from 0 up to, but not including, `n`. */
  below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  /** An integer from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** `count` characters out of `alphabet`. */
  text(count: number, alphabet: string): string {
    let text = ''
    for (let i = 0; i < count; i++) text += alphabet[this.below(alphabet.length)]!
    return text
  }
}
