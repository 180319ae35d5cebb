/**
 * Differential fuzzing for as long as it is left alone.
 *
 *   pnpm fuzz --seconds 3600
 *   pnpm fuzz --seed 42 --cases 1        the case that a failure named
 */
import { parseArgs } from 'node:util'
import { type Pair, reduced, replyPair, requestPair, runCases } from './differential.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string' },
    cases: { type: 'string' },
    side: { type: 'string', default: 'both' },
  },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 40) : Number(values.seed)
const seconds = Number(values.seconds ?? (values.cases === undefined ? 60 : Number.POSITIVE_INFINITY))
const cases = Number(values.cases ?? Number.POSITIVE_INFINITY)
const sides = [...(values.side === 'replies' ? [] : [requestPair]), ...(values.side === 'requests' ? [] : [replyPair])]

console.log(`seed ${seed}`)
for (const open of sides) {
  const pair = await open()
  await run(pair)
  await pair.close()
}

async function run(pair: Pair): Promise<void> {
  const end = performance.now() + (seconds * 1_000) / sides.length
  const tally = await runCases(pair, seed, (started) => started < cases && performance.now() < end)
  console.log(`${pair.side}: ${tally.cases} cases, ${tally.accepted} messages accepted, ${tally.refused} cases refused`)
  for (const [kind, count] of tally.kinds) console.log(`  legal: ${kind}: ${count}`)
  for (const failure of tally.failures) {
    process.exitCode = 1
    const small = await reduced(pair, failure)
    console.log(`FAILURE with --side ${pair.side} --seed ${failure.seed} --cases 1: ${small.found}`)
    console.log(`  ${JSON.stringify(small.text)}`)
  }
}
