/**
 * `pnpm floods [--seconds N] [--attackers N] [--only PART]`: what each flood does to the latencies of clients that behave, and to the
 * proxy's memory. Attackers that are cut off come back. Exits with 1 where p99 is more than three times what it is without them.
 */
import { parseArgs } from 'node:util'
import { Child } from './child.ts'
import { floodedProxy } from './flooded-proxy.ts'
import { FLOODS } from './floods.ts'
import { latencies, type OrdinaryClients, ordinaryClients } from './ordinary-clients.ts'

const { values } = parseArgs({
  // pnpm hands over the `--` that separates its options from ours.
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    seconds: { type: 'string', default: '5' },
    attackers: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
  },
})

const MIB = 1_048_576
const MAX_RATIO = 3
const PACE = { lanes: 8, pauseMs: 5 }
const forMs = Number(values.seconds) * 1_000

const proxy = await floodedProxy()
const clients = await ordinaryClients(proxy.ports.secure)
await round(2_000)
const rows: Record<string, object> = {}
for (const [index, flood] of FLOODS.entries()) {
  if (!flood.name.includes(values.only)) continue
  const before = await round(forMs)
  const idle = await proxy.look()
  const { plain, secure } = proxy.ports
  const herd = new Child('herd-process.ts', plain, secure, index, values.attackers)
  const during = await round(forMs)
  const state = await proxy.look()
  const connections = (await herd.ask()) as number
  await herd.close()
  const ratios = before.map((each, i) => during[i]! / each)
  if (Math.max(...ratios) > MAX_RATIO || !proxy.isWell) process.exitCode = 1
  rows[flood.name] = {
    'h1 p99 (ms)': `${before[0]!.toFixed(1)} > ${during[0]!.toFixed(1)}`,
    'h2 p99 (ms)': `${before[1]!.toFixed(1)} > ${during[1]!.toFixed(1)}`,
    worst: Number(Math.max(...ratios).toFixed(2)),
    'memory (MiB)': `${toMib(idle.bytes)} > ${toMib(state.peakBytes)}`,
    'CPU (%)': Math.round(((state.cpuMs - idle.cpuMs) / forMs) * 100),
    'connections/s': Math.round(connections / Number(values.seconds)),
  }
}
for (const client of clients) client.close()
await proxy.close()
console.log(
  `p99 without and with ${values.attackers} attackers, who connect again 100 ms after they are cut off; at most ${MAX_RATIO} times`,
)
console.table(rows)

/** The p99 of each protocol. */
async function round(ms: number): Promise<number[]> {
  const all = await Promise.all(
    clients.map(async (client: OrdinaryClients) => await latencies(client, { ...PACE, forMs: ms })),
  )
  return all.map((sorted) => sorted[Math.floor(sorted.length * 0.99)]!)
}

function toMib(bytes: number): number {
  return Math.round(bytes / MIB)
}
