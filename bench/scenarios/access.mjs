/** What access rules cost: no sockets, no proxy, one process for each kind. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROBE = fileURLToPath(new URL('../lib/access-probe.mjs', import.meta.url))

/** Of whatever decides by address alone. */
const CEILINGS = { ns: 1_000, buildMs: 1_000, mib: 4 }
const UNITS = { ns: 'ns', buildMs: 'ms', mib: 'MiB' }

export const access = {
  name: 'access',
  title: 'The cost of access rules',
  rowTitle: 'what',
  columns: [
    { key: 'ns', title: 'ns', digits: 0 },
    { key: 'buildMs', title: 'ms to build', digits: 0 },
    { key: 'mib', title: 'MiB', digits: 1 },
  ],
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time for a look-up in a list of 100,000 ranges, and for a whole guard, by addresses of clients as text. ` +
    `Ceilings for what decides by address: ${CEILINGS.ns} ns, ${CEILINGS.buildMs} ms, ${CEILINGS.mib} MiB.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan, log) {
    const { ACCESS_COSTS } = await import('../lib/access-costs.mjs')
    const subjects = ACCESS_COSTS.map((name) => ({ name, rounds: [], errors: [] }))
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of subjects) subject.rounds[round] = await measure(subject.name)
      log(`round ${round + 1} of ${plan.rounds}`)
    }
    for (const { name, rounds, errors } of subjects)
      if (!/^accessRules|^cors|^fetch/.test(name)) errors.push(...excess(rounds))
    return { subjects, leftOut: [] }
  },
}

async function measure(name) {
  const { stdout } = await promisify(execFile)(process.execPath, [PROBE, name])
  return JSON.parse(stdout)
}

/** The best round decides: what else the machine does only ever adds time. */
function excess(rounds) {
  return Object.entries(CEILINGS).flatMap(([key, ceiling]) => {
    const best = Math.min(...rounds.map((values) => values[key] ?? 0))
    return best > ceiling ? [`${Math.round(best)} ${UNITS[key]}, above the ceiling of ${ceiling}`] : []
  })
}
