/** What a balancer costs for each attempt: no sockets, no proxy, one process for each balancer. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROBE = fileURLToPath(new URL('../lib/pick-probe.mjs', import.meta.url))

/** So much room for what is allocated that nothing is collected while it is counted. */
const NODE_ARGUMENTS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']

/** Nanoseconds that a pick may take, with 10 and with 10,000 targets. */
const CEILINGS = { ns10: 200, ns10000: 1000 }

export const picks = {
  name: 'picks',
  title: 'The cost of a pick',
  rowTitle: 'balancer',
  columns: [
    { key: 'ns10', title: 'ns, 10 targets', digits: 0 },
    { key: 'ns100', title: 'ns, 100', digits: 0 },
    { key: 'ns10000', title: 'ns, 10,000', digits: 0 },
    { key: 'bytes', title: 'heap B/pick', digits: 1 },
    { key: 'updateMs', title: 'ms/update, 10,000', digits: 2 },
  ],
  defaults: { rounds: 5, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds for \`pick\`, \`began\`, \`observe\` and \`ended\` of one attempt, with twice as many attempts under way as there are targets. ` +
    `Ceilings: ${CEILINGS.ns10} ns with 10 targets, ${CEILINGS.ns10000} ns with 10,000. "nothing" is the measurement itself.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan, log) {
    const { balancers } = await import('../lib/pick-balancers.mjs')
    const subjects = Object.keys(balancers).map((name) => ({ name, rounds: [], errors: [] }))
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of subjects) subject.rounds[round] = await measure(subject.name)
      log(`round ${round + 1} of ${plan.rounds}`)
    }
    for (const { rounds, errors } of subjects) errors.push(...excess(rounds))
    return { subjects, leftOut: [] }
  },
}

async function measure(name) {
  const { stdout } = await promisify(execFile)(process.execPath, [...NODE_ARGUMENTS, PROBE, name])
  return JSON.parse(stdout)
}

/** The best round decides: what else the machine does only ever adds time. */
function excess(rounds) {
  return Object.entries(CEILINGS).flatMap(([key, ceiling]) => {
    const best = Math.min(...rounds.map((values) => values[key]))
    return best > ceiling ? [`${Math.round(best)} ns, above the ceiling of ${ceiling}`] : []
  })
}
