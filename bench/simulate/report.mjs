/** The table, in `results/` and in `docs/balancing.md`, and the plot beside that. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { machineFacts } from '../lib/machine.mjs'
import { markdownTable } from '../lib/report.mjs'
import { balancers, gateSets } from './contenders.mjs'
import { plot } from './plot.mjs'
import { arrivalRate } from './targets.mjs'

const RESULTS = new URL('../results/', import.meta.url)
const DOCUMENT = new URL('../../docs/balancing.md', import.meta.url)
const PLOT = new URL('../../docs/balancing.svg', import.meta.url)
const BEGIN = '<!-- table: pnpm simulate --save -->\n'
const END = '<!-- end of the table -->\n'

const COLUMNS = [
  ['balancer', ({ balancer }) => balancer],
  ['gates', ({ gates }) => (gates === 'both' ? 'yes' : gates === 'none' ? 'no' : gates)],
  ['p50 ms', ({ figures }) => figures.p50.toFixed(0)],
  ['p99 ms', ({ figures }) => figures.p99.toFixed(0)],
  ['p99.9 ms', ({ figures }) => figures.p999.toFixed(0)],
  ['errors %', ({ figures }) => percent(figures.errors)],
  ['of these timeouts %', ({ figures }) => percent(figures.timeouts)],
  ['to slow %', ({ figures }) => percent(figures.toSlow)],
  ['to failing %', ({ figures }) => percent(figures.toFailing)],
  ['busiest / mean', ({ figures }) => figures.busiest.toFixed(2)],
  ['ns/pick', ({ costs }) => costs.pickNs.toFixed(0)],
]

export function table(rows) {
  return markdownTable([COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, value]) => value(row)))])
}

/** Rows of the last run with the same plan stay, where they are not in this one. */
export function saveReport(plan, rows) {
  const file = new URL('simulation.json', RESULTS)
  const last = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  const kept = JSON.stringify(last?.plan) === JSON.stringify(plan) ? last.rows : []
  const all = Object.keys(balancers).flatMap((balancer) =>
    Object.keys(gateSets).flatMap((gates) => {
      const isThis = (row) => row.balancer === balancer && row.gates === gates
      return rows.find(isThis) ?? kept.find(isThis) ?? []
    }),
  )
  const machine = machineFacts()
  const date = new Date().toISOString().slice(0, 10)
  writeFileSync(file, `${JSON.stringify({ plan, date, machine, rows: all }, rounded, 2)}\n`)
  writeFileSync(new URL('simulation.md', RESULTS), page(plan, all, machine, date))
  writeFileSync(PLOT, plot(all))
  const text = readFileSync(DOCUMENT, 'utf8')
  const [before] = text.split(BEGIN)
  const [, after] = text.split(END)
  writeFileSync(DOCUMENT, `${before}${BEGIN}${table(all)}\n${END}${after}`)
}

function page(plan, rows, { processor, cores, memoryGib, node }, date) {
  const perSecond = Math.round(arrivalRate(plan) * 1000)
  return `# Balancers, simulated

${number(plan.requests)} requests in virtual time, ${number(perSecond)} a second, on ${number(plan.targets)} targets with ${plan.workers} workers each; seed ${plan.seed}.
What is simulated and what the columns mean stands in [docs/balancing.md](../../docs/balancing.md).

${table(rows)}

All but the last column is the same on every machine. That was measured on ${date}: ${processor}, ${cores} cores, ${memoryGib} GiB, Node ${node}.
`
}

function percent(share) {
  const value = 100 * share
  return value === 0 ? '0' : value < 0.1 ? value.toFixed(3) : value.toFixed(1)
}

function number(value) {
  return value.toLocaleString('en')
}

/** Six digits are more than any of these figures needs. */
function rounded(_key, value) {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}
