/**
 * HalfSipHash-1-3 (Aumasson and Bernstein, SipHash, 2012; the variant on 32-bit words) with a result of 64 bits: a table that
 * keeps fingerprints in place of keys needs a hash for which nobody can choose two keys that meet. Its key is drawn for
 * each process.
 */

/** The two halves of the last result. An object of its own, so that a look-up allocates nothing. */
export class KeyHash {
  low = 0
  high = 0
  readonly #k0: number
  readonly #k1: number

  /** 64 bits that must stay secret. */
  constructor(seed: Uint32Array) {
    this.#k0 = seed[0]! | 0
    this.#k1 = seed[1]! | 0
  }

  /** Hashes UTF-16 code units, two to a word, and the length. Never gives 0 for both halves, which stands for "nothing". */
  update(key: string): void {
    const { length } = key
    let v0 = this.#k0
    let v1 = this.#k1 ^ 0xee
    let v2 = this.#k0 ^ 0x6c796765
    let v3 = this.#k1 ^ 0x74656462
    // One round for each word, three behind the last one and three between the halves.
    const words = (length + 1) >> 1
    const rounds = words + 1 + 6
    let word = 0
    for (let round = 0; round < rounds; round++) {
      if (round <= words) {
        const at = round * 2
        // A code unit that is not there reads as NaN, which `|` takes for 0; the last word is the length.
        word = round === words ? length : key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16)
        v3 ^= word
      } else if (round === words + 1) v2 ^= 0xee
      else if (round === words + 4) {
        this.low = (v1 ^ v3) >>> 0
        v1 ^= 0xdd
      }
      v0 = (v0 + v1) | 0
      v1 = (v1 << 5) | (v1 >>> 27)
      v1 ^= v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = (v3 << 8) | (v3 >>> 24)
      v3 ^= v2
      v0 = (v0 + v3) | 0
      v3 = (v3 << 7) | (v3 >>> 25)
      v3 ^= v0
      v2 = (v2 + v1) | 0
      v1 = (v1 << 13) | (v1 >>> 19)
      v1 ^= v2
      v2 = (v2 << 16) | (v2 >>> 16)
      if (round <= words) v0 ^= word
    }
    this.high = (v1 ^ v3) >>> 0
    if (this.low === 0 && this.high === 0) this.low = 1
  }
}
