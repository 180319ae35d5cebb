/** Random valid modules do the same with and without their charges, and never pay less than for what they run. */
import { expect, test } from 'vitest'
import { generateModule } from './generate-module.ts'
import { Guest } from './guest.ts'
import { dice } from './inputs.ts'

const MODULES = 300

/** What can be seen of an instance from outside. */
const state = (guest: Guest): unknown => ({
  globals: [0, 1, 2, 3].map((index) => String((guest.exports[`g${index}`] as { value: unknown }).value)),
  pages: guest.pages,
  memory: guest.fingerprint,
})

test('generated modules do the same metered, and pay for all they run', () => {
  const roll = dice(99)
  let [finished, trapped, ran, paid] = [0, 0, 0, 0]
  for (let seed = 1; seed <= MODULES; seed++) {
    const { bytes, counting } = generateModule(seed, seed % 2 === 0)
    const args = [roll(1_000) - 500, BigInt(roll(1_000_000)) - 500_000n] as const
    const plain = Guest.plain(bytes)
    const metered = Guest.metered(bytes)
    const counted = Guest.plain(counting)
    const expected = plain.outcome('run', ...args)
    expect(counted.outcome('run', ...args), `seed ${seed}`).toBe(expected)
    expect(metered.outcome('run', ...args), `seed ${seed}`).toBe(expected)
    expect(state(metered), `seed ${seed}`).toEqual(state(plain))
    if (!expected.includes(',')) {
      trapped++
      continue
    }
    finished++
    const { value } = counted.exports['count'] as { value: number }
    expect(metered.spent, `seed ${seed}`).toBeGreaterThanOrEqual(value)
    // What a length costs is more than an instruction.
    if (seed % 2 === 0) continue
    ran += value
    paid += metered.spent
  }
  expect(finished).toBeGreaterThan(MODULES / 2)
  expect(trapped).toBeGreaterThan(0)
  expect(paid / ran).toBeLessThan(3)
})

test('a generated module stops at any fuel', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { bytes } = generateModule(seed, true)
    const whole = Guest.metered(bytes)
    if (!whole.outcome('run', 3, 4n).includes(',')) continue
    const { spent } = whole
    for (const part of [0, 0.2, 0.5, 0.9]) {
      const guest = Guest.metered(bytes)
      expect(() => guest.callWith(Math.floor(spent * part), 'run', 3, 4n), `seed ${seed}`).toThrow('unreachable')
      expect(guest.gauge!.left).toBe(-1)
    }
  }
})
