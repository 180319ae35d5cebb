/** Modules that real compilers made do the same with and without their charges. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { meterModule } from '../../src/wasm/meter-module.ts'
import { fixture, Guest } from './guest.ts'
import { inputs } from './inputs.ts'

const C = ['json', 'sha256', 'sort', 'sum', 'fib', 'interpret']

const MODULES: Readonly<Record<string, readonly string[]>> = {
  'c-o0': C,
  'c-o2': C,
  'c-vector': C,
  rust: ['format', 'words', 'sort', 'shapes', 'pick'],
  'assembly-script': ['json', 'words', 'litter'],
}

describe.each(Object.entries(MODULES))('%s', (name, functions) => {
  const bytes = fixture(name)

  test.each(functions)('%s gives the same, and leaves the same memory', (call) => {
    let plain = Guest.plain(bytes)
    let metered = Guest.metered(bytes)
    const outcomes = new Set<string>()
    for (const input of inputs(7, 40)) {
      for (const guest of [plain, metered]) guest.call('reset')
      const place = plain.place(input)
      expect(metered.place(input)).toBe(place)
      const expected = plain.outcome(call, place, input.length)
      expect(metered.outcome(call, place, input.length)).toBe(expected)
      outcomes.add(expected)
      // An instance that trapped is thrown away; with it goes the stack that it had taken.
      if (expected.includes(' ')) [plain, metered] = [Guest.plain(bytes), Guest.metered(bytes)]
    }
    expect(metered.fingerprint).toBe(plain.fingerprint)
    expect(outcomes.size).toBeGreaterThan(5)
  })

  test('takes the same fuel in each run', () => {
    const runs = [1, 2].map(() => {
      const guest = Guest.metered(bytes)
      return functions.flatMap((call) =>
        inputs(11, 12).map((input) => {
          guest.call('reset')
          const place = guest.place(input)
          if (guest.outcome(call, place, input.length).includes(' ')) return 'trap'
          return guest.spent
        }),
      )
    })
    expect(runs[0]).toEqual(runs[1])
    expect(new Set(runs[0]).size).toBeGreaterThan(10)
  })

  test('is metered to the same bytes each time, and grows by less than 1.8', () => {
    const metered = meterModule(bytes, { maxPages: 256 })
    expect(Buffer.compare(metered, meterModule(bytes, { maxPages: 256 }))).toBe(0)
    expect(metered.length).toBeLessThan(bytes.length * 1.8)
  })
})

test('the modules are those that the sources beside them make', () => {
  const read = (file: string): Buffer => readFileSync(new URL(`../fixtures/wasm/${file}`, import.meta.url))
  const built = JSON.parse(String(read('built.json'))) as Record<string, { source: string; sha256: string }>
  expect(Object.keys(built)).toEqual(Object.keys(MODULES))
  for (const { source, sha256 } of Object.values(built))
    expect(createHash('sha256').update(read(source)).digest('hex'), `${source}: run build.mjs`).toBe(sha256)
})
