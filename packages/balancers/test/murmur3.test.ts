import { describe, expect, it } from 'vitest'
import { hashText } from '../src/murmur3.ts'

/** Bytes, an even number of them, as the text whose UTF-16LE form they are. */
const textOf = (...bytes: readonly number[]) => Buffer.from(bytes).toString('utf16le')

const hash = (text: string, seed = 0) => hashText(text, 0, text.length, seed) >>> 0

describe('MurmurHash3', () => {
  // Published vectors of the 32-bit form: stackoverflow.com/a/31929528 (Ian Boyd).
  it.each([
    [[], 0, 0],
    [[], 1, 0x514e28b7],
    [[], 0xffffffff, 0x81f16f39],
    [[0xff, 0xff, 0xff, 0xff], 0, 0x76293b50],
    [[0x21, 0x43, 0x65, 0x87], 0, 0xf55b516b],
    [[0x21, 0x43, 0x65, 0x87], 0x5082edee, 0x2362f9de],
    [[0x21, 0x43], 0, 0xa0f7b07a],
    [[0, 0, 0, 0], 0, 0x2362f9de],
    [[0, 0], 0, 0x30f4c306],
  ])('gives the published result for %j with seed %i', (bytes, seed, expected) => {
    expect(hash(textOf(...bytes), seed)).toBe(expected)
  })

  it('hashes a part of a text as the text that it is', () => {
    for (const length of [0, 1, 2, 3, 4, 9]) {
      const part = 'abcdefghi'.slice(0, length)
      expect(hashText(`--${part}??`, 2, 2 + length, 7)).toBe(hashText(part, 0, length, 7))
    }
  })

  it('spreads texts that are much alike evenly', () => {
    const counts = new Int32Array(64)
    for (let i = 0; i < 64_000; i++) {
      const bin = hash(`user-${i}`) % 64
      counts[bin] = counts[bin]! + 1
    }
    const chiSquared = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(chiSquared).toBeLessThan(110)
  })
})
