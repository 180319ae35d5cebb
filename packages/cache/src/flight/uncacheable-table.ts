/**
 * Remembers keys whose responses could not be stored, so that the next requests for them do not wait for each other. A table of hashes of
 * a fixed size: where two keys meet, one of them is fetched once too often, or waited for in vain.
 */
import { hashOf } from '../key/key-hash.ts'

const PLACES = 16_384

export class UncacheableTable {
  readonly #hashes = new Int32Array(PLACES)

  has(key: string): boolean {
    const hash = hashOf(key)
    return this.#hashes[hash & (PLACES - 1)] === hash
  }

  add(key: string): void {
    const hash = hashOf(key)
    this.#hashes[hash & (PLACES - 1)] = hash
  }

  delete(key: string): void {
    const hash = hashOf(key)
    const place = hash & (PLACES - 1)
    if (this.#hashes[place] === hash) this.#hashes[place] = 0
  }
}
