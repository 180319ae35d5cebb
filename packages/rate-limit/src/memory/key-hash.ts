/**
 * HalfSipHash-1-3 (Aumasson and Bernstein, SipHash, 2012; the variant on 32-bit words) with a result of 64 bits: a table that
 * keeps fingerprints in place of keys needs a hash for which nobody can choose two keys that meet. Its key is drawn for
 * each process.
 */

/** Instead of the constant of the hash: keeps keys apart that are the same bytes in two encodings. */
const [LATIN1, UTF16] = [0xee, 0xed]

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

  /** Never gives 0 for both halves, which stands for "nothing". */
  update(key: string): void {
    // Nearly every key is Latin-1, and has four code units to a word. Whether it is, is known when it was read.
    if (!this.#hash(key, LATIN1)) this.#hash(Buffer.from(key, 'utf16le').toString('latin1'), UTF16)
    if (this.low === 0 && this.high === 0) this.low = 1
  }

  /** Says whether all code units fit into a byte: the result means nothing otherwise. */
  #hash(key: string, encoding: number): boolean {
    const { length } = key
    let v0 = this.#k0
    let v1 = this.#k1 ^ encoding
    let v2 = this.#k0 ^ 0x6c796765
    let v3 = this.#k1 ^ 0x74656462
    let seen = 0
    let word = 0
    let at = 0
    // Two loops with the same round: in one, the questions of each turn take as long as the round does.
    for (; at + 4 <= length; at += 4) {
      const a = key.charCodeAt(at)
      const b = key.charCodeAt(at + 1)
      const c = key.charCodeAt(at + 2)
      const d = key.charCodeAt(at + 3)
      seen |= a | b | c | d
      word = a | (b << 8) | (c << 16) | (d << 24)
      v3 ^= word
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
      v0 ^= word
    }
    word = length << 24
    for (; at < length; at++) {
      const code = key.charCodeAt(at)
      seen |= code
      word |= code << (8 * (at & 3))
    }
    v3 ^= word
    // One for what was left and the length, three behind it and three between the halves.
    for (let round = 0; round < 7; round++) {
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
      if (round === 0) {
        v0 ^= word
        v2 ^= 0xee
      } else if (round === 3) {
        this.low = (v1 ^ v3) >>> 0
        v1 ^= 0xdd
      }
    }
    this.high = (v1 ^ v3) >>> 0
    return seen < 256
  }
}
