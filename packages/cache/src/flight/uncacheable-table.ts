/**
 * Remembers keys whose responses could not be stored, so that the next requests for them do not wait for each other. A table of hashes of
 * a fixed size: where two keys meet, one of them is fetched once too often, or waited for in vain.
 */
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

/** FNV-1a, never 0. */
function hashOf(key: string): number {
  let hash = 0x81_1c_9d_c5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01_00_01_93)
  return (hash ^ (hash >>> 15)) | 1
}
