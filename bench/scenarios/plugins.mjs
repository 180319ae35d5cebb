/** What a plugin adds to an exchange: no sockets, one process for each plugin. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROBE = fileURLToPath(new URL('../lib/plugin-probe.mjs', import.meta.url))

/** So much room for what is allocated that nothing is collected while it is counted. */
const NODE_ARGUMENTS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']

/** Microseconds of an exchange. */
const CEILINGS = { 'three fields read, one set': 3 }

export const plugins = {
  name: 'plugins',
  title: 'The cost of a plugin',
  rowTitle: 'plugin',
  columns: [
    { key: 'micros', title: 'CPU µs/exchange', digits: 2 },
    { key: 'bytes', title: 'heap B/exchange', digits: 0 },
    { key: 'fuel', title: 'fuel', digits: 0 },
  ],
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Processor time of a chain of one plugin of \`sluice:v1\`, inline and metered, and a handler. ` +
    `Ceiling for three fields read and one set: ${CEILINGS['three fields read, one set']} µs. "nothing" is the measurement itself.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan, log) {
    const { guests } = await import('../lib/plugin-guests.mjs')
    const subjects = Object.keys(guests).map((name) => ({ name, rounds: [], errors: [] }))
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of subjects) subject.rounds[round] = await measure(subject.name)
      log(`round ${round + 1} of ${plan.rounds}`)
    }
    for (const { name, rounds, errors } of subjects) errors.push(...excess(rounds, CEILINGS[name]))
    return { subjects, leftOut: [] }
  },
}

async function measure(name) {
  const { stdout } = await promisify(execFile)(process.execPath, [...NODE_ARGUMENTS, PROBE, name])
  return JSON.parse(stdout)
}

/** The best round decides: what else the machine does only ever adds time. */
function excess(rounds, ceiling = Number.POSITIVE_INFINITY) {
  const best = Math.min(...rounds.map(({ micros }) => micros))
  return best > ceiling ? [`${best.toFixed(2)} µs, above the ceiling of ${ceiling}`] : []
}
