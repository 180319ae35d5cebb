/**
 * Generated and mutated modules for as long as it is left alone.
 *
 *   node --conditions=@sluice/source packages/plugin-host/test/wasm/modules-main.ts --seconds 3600
 *   ... --seed 42 --count 1        the module that a failure named
 */
import { parseArgs } from 'node:util'
import { generateModule } from './generate-module.ts'
import { Guest } from './guest.ts'
import { dice } from './inputs.ts'
import { mutate } from './mutate-module.ts'
import { survive } from './survive.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string' }, count: { type: 'string' } },
})
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 40))
const count = Number(values.count ?? Number.POSITIVE_INFINITY)
const end = performance.now() + Number(values.seconds ?? 60) * 1_000
const fates = new Map<string, number>()

const note = (fate: string): void => {
  fates.set(fate, (fates.get(fate) ?? 0) + 1)
}

console.log(`seed ${first}`)
for (let seed = first; seed < first + count && performance.now() < end; seed++) {
  try {
    note(compare(seed))
    const roll = dice(seed)
    let module = generateModule(seed, true).bytes
    for (let step = 0; step < 10; step++) {
      const mutant = mutate(module, roll)
      const fate = survive(mutant)
      note(fate)
      if (fate !== 'refused') module = mutant
    }
  } catch (error) {
    process.exitCode = 1
    console.log(`FAILURE with --seed ${seed} --count 1: ${error instanceof Error ? error.stack : String(error)}`)
  }
}
for (const [fate, times] of fates) console.log(`${fate}: ${times}`)

/** Plain and metered. */
function compare(seed: number): string {
  const { bytes, counting } = generateModule(seed, seed % 2 === 0)
  const [plain, metered, counted] = [Guest.plain(bytes), Guest.metered(bytes), Guest.plain(counting)]
  const outcomes = [plain, metered, counted].map((guest) => guest.outcome('run', seed % 1_000, BigInt(seed)))
  if (outcomes.some((outcome) => outcome !== outcomes[0])) throw new Error(`outcomes differ: ${outcomes.join(' | ')}`)
  if (metered.fingerprint !== plain.fingerprint) throw new Error('memories differ')
  if (!outcomes[0]!.includes(',')) return 'generated, trapped'
  const { value } = counted.exports['count'] as { value: number }
  if (metered.spent < value) throw new Error(`ran ${value} instructions and paid for ${metered.spent}`)
  return 'generated, finished'
}
