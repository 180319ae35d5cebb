/** `pnpm soak [--requests N] [--seconds N] [--seed N]`: runs the soak at length and exits with 1 where something is left. */
import { parseArgs } from 'node:util'
import { COMBINATIONS } from '../faults/combinations.ts'
import { soak, type SoakReport } from './soak.ts'

const MIB = 1_048_576
const { values } = parseArgs({
  // pnpm hands over the `--` that separates its options from ours.
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    requests: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: '1' },
  },
})

let hasLeaks = false
for (const [listener, transport] of COMBINATIONS) {
  const report = await soak({
    listener,
    transport,
    requests: Number(values.requests),
    seconds: Number(values.seconds),
    concurrency: 64,
    faultShare: 0.05,
    seed: Number(values.seed),
    heapGrowthBytes: 4 * MIB,
  })
  print(`${listener.name} listener, ${transport.name} transport`, report)
  hasLeaks ||= report.leaks.length > 0
}
process.exitCode = hasLeaks ? 1 : 0

function print(title: string, { requests, seconds, kinds, early, late, leaks }: SoakReport): void {
  console.log(`\n${title}: ${requests} requests in ${seconds.toFixed(1)} s`)
  console.table(
    Object.fromEntries([...kinds].toSorted(([, a], [, b]) => b - a).map(([kind, count]) => [kind, { count }])),
  )
  const row = (before: number, after: number): object => ({ 'after 20 %': before, 'at the end': after })
  console.table({
    'heap (MiB)': row(Number((early.heapBytes / MIB).toFixed(2)), Number((late.heapBytes / MIB).toFixed(2))),
    sockets: row(early.sockets, late.sockets),
    timers: row(early.timers, late.timers),
    'event listeners': row(early.listeners, late.listeners),
  })
  console.log(leaks.length === 0 ? 'nothing is left' : `LEFT:\n${leaks.join('\n')}`)
}
