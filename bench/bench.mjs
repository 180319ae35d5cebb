/**
 * `pnpm bench`: measures the proxies of `subjects/` side by side, one under load at a time. See README.md for what the
 * figures mean and how they are kept fair.
 */
import { existsSync } from 'node:fs'
import { checkBounds } from './lib/bounds.mjs'
import { issueCertificate } from './lib/certificate.mjs'
import { findProgram } from './lib/external-program.mjs'
import { httpLoad } from './lib/load.mjs'
import { machineFacts } from './lib/machine.mjs'
import { readOptions } from './lib/options.mjs'
import { isClosing, stopAll } from './lib/processes.mjs'
import { boundRemarks, remarks, saveResults, summarise, table } from './lib/report.mjs'
import { runRounds } from './lib/rounds.mjs'
import { startUpstream } from './lib/upstream.mjs'

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.once(signal, async () => {
    await stopAll()
    process.exit(code)
  })
}

try {
  const runs = readOptions(process.argv.slice(2)) ?? []
  if (!existsSync('/proc/self/stat')) throw new Error('processor time is read from /proc: this runs on Linux only')
  for (const run of runs) await measure(run)
} catch (error) {
  // On Ctrl-C whatever was under way breaks; that is not news.
  if (!isClosing()) console.error(`bench: ${error.message}`)
  process.exitCode = 1
} finally {
  await stopAll()
}

async function measure({ scenario, options, subjects: names, save }) {
  const { plan, describe } = scenario
  const resolved = plan(options)
  console.log(`\n${scenario.title}. ${describe(options)}`)
  const missing = scenario.requires?.find((program) => findProgram(program) === undefined)
  if (missing !== undefined) return console.log(`left out: it needs ${missing}, which is not on PATH`)
  const { subjects, leftOut, ...means } =
    scenario.measureAll === undefined
      ? await measureProxies({ scenario, plan: resolved, names })
      : await scenario.measureAll(resolved, console.log)

  const rows = summarise({ scenario, subjects })
  console.log(`\n${table(scenario, rows)}`)
  for (const remark of remarks(rows, leftOut)) console.log(remark)
  const bounds = checkBounds(scenario, rows)
  for (const remark of boundRemarks(bounds)) console.log(remark)
  if (rows.some(({ valid }) => !valid) || bounds.some(({ holds }) => !holds)) process.exitCode = 1
  if (!save) return
  const facts = { machine: machineFacts(), date: new Date().toISOString().slice(0, 10) }
  saveResults({ scenario, options, plan: resolved, subjects, leftOut, bounds, ...means, ...facts }, rows)
  console.log(`written to bench/results/${scenario.name}.md`)
}

async function measureProxies({ scenario, plan, names }) {
  const { replyBytes, messageBytes } = plan
  const { readsBodies = false, upstream: kind, load = httpLoad } = scenario
  const upstream = await startUpstream({ replyBytes, messageBytes, readsBodies, kind })
  const certificate = scenario.certificate ? issueCertificate() : undefined
  const result = await runRounds({ scenario, plan, names, upstream, certificate, log: console.log })
  await upstream.stop()
  return { ...result, load: load.name, upstream: upstream.kind }
}
