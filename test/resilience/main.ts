/** `pnpm resilience [--only PART]`: failover, restarts, storms and changes at length; exits with 1 where something is lost. */
import { parseArgs } from 'node:util'
import { peakEwma, powerOfTwoChoices, weightedRoundRobin } from '@sluice/balancers'
import { changingTargets } from './changing-targets.ts'
import { failover, KILLED, OTHER_FAULTS } from './failover.ts'
import { FAILURES, retryStorm } from './retry-storm.ts'
import { rollingRestart } from './rolling-restart.ts'

const { values } = parseArgs({
  // pnpm hands over the `--` that separates its options from ours.
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { only: { type: 'string' } },
})

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  failover: async () => {
    for (const fault of [KILLED, ...OTHER_FAULTS]) {
      const report = await failover({ fault, perSecond: 2_000, phaseMs: 4_000, slowStartMs: 5_000 })
      const { requests, failedGets, failedPosts, receivedOfThem, shares, problems } = report
      print(`one of three targets ${fault.name}, at 2,000 requests a second`, problems, {
        requests,
        'failed GETs': failedGets,
        'failed POSTs, sent before': failedPosts,
        'of which received': receivedOfThem,
        'its share since it came back, in fifths of the slow start, and after': shares
          .map((share) => share.toFixed(3))
          .join(' '),
      })
    }
  },
  restarts: async () => {
    const { problems, ...counts } = await rollingRestart({ requests: 50_000, concurrency: 16 })
    print('rolling restart of all targets', problems, { ...counts, failed: problems.length })
  },
  storms: async () => {
    for (const failure of FAILURES) {
      const report = await retryStorm({ failure, requests: 20_000, concurrency: 200 })
      const { requests, attempts, bound, outcomes } = report
      const problems = attempts <= bound ? [] : [`${attempts} attempts, where ${bound.toFixed(0)} are allowed`]
      print(`every target ${failure}`, problems, { requests, attempts, bound: Math.floor(bound), ...outcomes })
    }
  },
  changes: async () => {
    for (const balancer of [weightedRoundRobin, powerOfTwoChoices, peakEwma]) {
      const options = { balancer: balancer(), requests: 20_000, concurrency: 60, seed: 1 }
      const { problems, ...counts } = await changingTargets(options)
      print(`targets come and go, ${balancer.name}`, problems, counts)
    }
  },
}

for (const [part, run] of Object.entries(PARTS)) if ((values.only ?? part) === part) await run()

function print(title: string, problems: readonly string[], counts: Readonly<Record<string, number | string>>): void {
  console.log(`\n${title}`)
  for (const [what, count] of Object.entries(counts)) console.log(`  ${what}: ${count}`)
  if (problems.length === 0) return
  process.exitCode = 1
  console.log(`  WRONG (${problems.length}):\n${problems.slice(0, 20).join('\n')}`)
}
