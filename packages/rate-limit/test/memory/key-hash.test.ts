import { describe, expect, it } from 'vitest'
import { KeyHash } from '../../src/memory/key-hash.ts'

const hashOf = (key: string, seed = [1, 2]) => {
  const hash = new KeyHash(Uint32Array.from(seed))
  hash.update(key)
  return `${hash.low} ${hash.high}`
}

describe('the hash of keys', () => {
  it('is another one for each key, of whatever characters and length', () => {
    const keys = new Set<string>()
    for (const piece of ['', 'a', 'ab', 'b', '\0', '\xff', '€', '\u0100', '\ud83d', '\ude00', '\u2020', '  ']) {
      for (let length = 0; length <= 9; length++) {
        keys.add(piece.repeat(length))
        keys.add(`${'x'.repeat(length)}${piece}`)
        keys.add(`${piece}${'x'.repeat(length)}`)
      }
    }
    // The same bytes in one encoding and in the other.
    keys.add('ab').add('\u6261').add('a\0').add('a\0b\0').add('\u0061\u0062')
    for (let i = 0; i < 20_000; i++) keys.add(`10.0.${i >> 8}.${i & 255}`)
    expect(new Set([...keys].map((key) => hashOf(key))).size).toBe(keys.size)
  })

  it('depends on its secret, on both halves of it', () => {
    const seeds = [
      [1, 2],
      [1, 3],
      [2, 2],
      [3, 1],
    ]
    expect(new Set(seeds.map((seed) => hashOf('10.0.0.1', seed))).size).toBe(4)
    expect(hashOf('10.0.0.1')).toBe(hashOf('10.0.0.1'))
  })

  it('spreads keys that differ in little evenly', () => {
    const hash = new KeyHash(Uint32Array.from([5, 6]))
    const counts = new Uint32Array(2 * 64)
    for (let i = 0; i < 64_000; i++) {
      hash.update(`2001:db8:${i.toString(16)}::/64`)
      counts[hash.low >>> 26]!++
      counts[64 + (hash.high & 63)]!++
    }
    // 1,000 each, with a deviation of some thirty.
    expect(Math.max(...counts)).toBeLessThan(1_200)
    expect(Math.min(...counts)).toBeGreaterThan(800)
  })
})
