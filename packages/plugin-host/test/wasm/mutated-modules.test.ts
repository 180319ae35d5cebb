/** Damaged and doctored modules are refused, or end within their limits; none crashes, hangs or escapes. */
import { expect, test } from 'vitest'
import { generateModule } from './generate-module.ts'
import { fixture } from './guest.ts'
import { dice } from './inputs.ts'
import { mutate } from './mutate-module.ts'
import { type Fate, survive } from './survive.ts'
import { WAT_GUESTS } from './wat-guests.ts'
import { wat } from './wat.ts'

const MUTANTS = 1_000

test(`${MUTANTS} mutants`, () => {
  const roll = dice(2_024)
  const written = Object.values(WAT_GUESTS).map((text) => wat(text))
  const seeds = [
    ...written,
    ...Array.from({ length: 20 }, (_, seed) => generateModule(seed, true).bytes),
    fixture('c-o2'),
  ]
  for (const seed of seeds) expect(survive(seed)).not.toBe('refused')
  const fates: Partial<Record<Fate, number>> = {}
  for (let index = 0; index < MUTANTS; index++) {
    const mutant = mutate(seeds[index % seeds.length]!, roll)
    const fate = survive(mutant)
    fates[fate] = (fates[fate] ?? 0) + 1
  }
  // Each of them occurs, so that none is only thought to be covered.
  for (const fate of ['refused', 'finished', 'out of fuel', 'trapped'] as const)
    expect(fates[fate], fate).toBeGreaterThan(10)
})
