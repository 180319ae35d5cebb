/**
 * Draws indexes in proportion to weights in constant time: the alias method in the form of M. D. Vose, "A linear
 * algorithm for generating random numbers with a given distribution" (IEEE Transactions on Software Engineering, 1991).
 * Each column holds at most two indexes: its own, and an alias that fills it up to the mean.
 */
import type { Random } from '@sluice/core'

export class AliasTable {
  #size = 0
  /** Below this share of its column an index stands for itself. */
  #share: Float64Array = new Float64Array(0)
  #alias: Int32Array = new Int32Array(0)

  /** `weights` are above 0. O(n). */
  build(weights: Float64Array): void {
    const size = weights.length
    if (size !== this.#size) {
      this.#share = new Float64Array(size)
      this.#alias = new Int32Array(size)
      this.#size = size
    }
    const share = this.#share
    const alias = this.#alias
    let total = 0
    for (let i = 0; i < size; i++) total += weights[i]!
    // One array holds both work lists: columns below the mean from the left, those above it from the right.
    const work = new Int32Array(size)
    let low = 0
    let high = size
    for (let i = 0; i < size; i++) {
      share[i] = (weights[i]! / total) * size
      alias[i] = i
      if (share[i]! < 1) work[low++] = i
      else work[--high] = i
    }
    while (low > 0 && high < size) {
      const small = work[--low]!
      const large = work[high]!
      alias[small] = large
      const left = share[large]! - (1 - share[small]!)
      share[large] = left
      if (left < 1) {
        high++
        work[low++] = large
      }
    }
    // What is left is full but for rounding.
    while (low > 0) share[work[--low]!] = 1
    while (high < size) share[work[high++]!] = 1
  }

  /** An index; the table must not be empty. */
  draw(random: Random): number {
    const place = random() * this.#size
    const column = Math.floor(place)
    return place - column < this.#share[column]! ? column : this.#alias[column]!
  }
}
