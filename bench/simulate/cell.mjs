/** `cell.mjs PLAN`: one cell of the table, as a line of JSON. What it has done so far is said on standard error. */
import { simulate } from './simulation.mjs'

const EVERY_MS = 15_000

let saidAt = performance.now()
const result = simulate(JSON.parse(process.argv[2]), (share) => {
  const now = performance.now()
  if (now - saidAt < EVERY_MS) return
  saidAt = now
  process.stderr.write(`${(100 * share).toFixed(0)} %\n`)
})
console.log(JSON.stringify(result))
