/**
 * `pnpm simulate`: all balancers in front of ten thousand targets of which one in ten is slow and one in ten fails, in virtual time.
 * A process for each balancer and set of gates. See ../README.md.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readOptions } from './options.mjs'
import { saveReport, table } from './report.mjs'

const CELL = fileURLToPath(new URL('cell.mjs', import.meta.url))

try {
  const options = readOptions(process.argv.slice(2))
  if (options !== undefined) await run(options)
} catch (error) {
  console.error(`simulate: ${error.message}`)
  process.exitCode = 1
}

async function run({ plan, balancers, gates, jobs, save, json }) {
  const cells = balancers.flatMap((balancer) => gates.map((gates) => ({ ...plan, balancer, gates })))
  const rows = Array.from({ length: cells.length })
  let next = 0
  const work = async () => {
    while (next < cells.length) {
      const place = next++
      rows[place] = await simulated(cells[place])
      // Row by row: a long run that is broken off has not been for nothing.
      if (save) saveReport(plan, rows.filter(Boolean))
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  if (json) console.log(JSON.stringify(rows))
  else console.log(`\n${table(rows)}`)
}

/** A process of its own: as in a proxy with one balancer, and what one leaves in memory is no burden for the next. */
function simulated(cell) {
  const name = `${cell.balancer}, gates: ${cell.gates}`
  console.error(`${name}: begins`)
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [CELL, JSON.stringify(cell)], (error, stdout, stderr) => {
      if (error !== null) return reject(new Error(`${name} failed: ${stderr}`))
      console.error(`${name}: done in ${((performance.now() - start) / 1000).toFixed(0)} s`)
      resolve({ balancer: cell.balancer, gates: cell.gates, ...JSON.parse(stdout) })
    })
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text) => console.error(`${name}: ${text.trim()}`))
  })
}
