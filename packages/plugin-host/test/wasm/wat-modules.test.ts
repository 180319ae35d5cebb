/** Small modules, each about one construction, do the same with and without their charges. */
import { describe, expect, test } from 'vitest'
import { Guest } from './guest.ts'
import { WAT_GUESTS } from './wat-guests.ts'
import { wat } from './wat.ts'

describe.each(Object.entries(WAT_GUESTS))('%s', (_, text) => {
  const bytes = wat(text)

  test('gives the same for all arguments, in one instance after the other calls', () => {
    const plain = Guest.plain(bytes)
    const metered = Guest.metered(bytes)
    const outcomes = new Set<string>()
    for (let argument = 0; argument < 12; argument++) {
      const expected = plain.outcome('run', argument)
      expect(metered.outcome('run', argument)).toBe(expected)
      outcomes.add(expected)
      if (plain.exports['memory'] !== undefined) expect(metered.fingerprint).toBe(plain.fingerprint)
    }
    expect(outcomes.size).toBeGreaterThan(2)
  })

  test('stops at whatever fuel it is given, and is the same up to there', () => {
    const whole = Guest.metered(bytes)
    const expected = whole.outcome('run', 6)
    const { spent } = whole
    expect(spent).toBeGreaterThan(0)
    const enough = Guest.metered(bytes)
    enough.gauge!.fill(spent)
    expect(String((enough.exports['run'] as (n: number) => unknown)(6))).toBe(expected)
    expect(enough.gauge!.left).toBe(0)
    for (const fuel of [0, 1, 2, 3, 5, 8, 13, spent >> 2, spent >> 1, spent - 2, spent - 1]) {
      const guest = Guest.metered(bytes)
      expect(() => guest.callWith(fuel, 'run', 6)).toThrow('unreachable')
      expect(guest.gauge!.isEmpty).toBe(true)
      expect(guest.gauge!.left).toBe(-1)
    }
  })
})
