/** What a rate limit in memory costs: no sockets, no proxy, one process for each kind of limit. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROBE = fileURLToPath(new URL('../lib/limit-probe.mjs', import.meta.url))

/** Of a check by a store. */
const CEILINGS = { ns1000: 500, ns1000000: 500, mib: 150 }
const UNITS = { ns1000: 'ns', ns1000000: 'ns', mib: 'MiB' }

/** The kinds of limits, each a row, and the figures that may not be above a ceiling. The middleware does more than to check. */
const LIMITS = {
  'token bucket': CEILINGS,
  gcra: CEILINGS,
  'token bucket, refusing': CEILINGS,
  'token bucket, two policies': CEILINGS,
  'sliding window': CEILINGS,
  middleware: {},
  'middleware, refusing': {},
}

export const rateLimits = {
  name: 'rate-limit',
  title: 'The cost of a rate limit in memory',
  rowTitle: 'limit',
  columns: [
    { key: 'ns1000', title: 'ns, 1,000 keys', digits: 0 },
    { key: 'ns1000000', title: 'ns, 1,000,000', digits: 0 },
    { key: 'bytes', title: 'heap B/check', digits: 0 },
    { key: 'mib', title: 'MiB, 1,000,000 keys', digits: 0 },
  ],
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time for one check of a store in memory, keys in random order, and what the store takes for a million of them. ` +
    `Ceilings: ${CEILINGS.ns1000000} ns for a check, and ${CEILINGS.mib} MiB. "middleware" is all of \`rateLimit\` in a chain: key, check, fields of the reply.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan, log) {
    const subjects = Object.keys(LIMITS).map((name) => ({ name, rounds: [], errors: [] }))
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of subjects) subject.rounds[round] = await measure(subject.name)
      log(`round ${round + 1} of ${plan.rounds}`)
    }
    for (const { name, rounds, errors } of subjects) errors.push(...excess(rounds, LIMITS[name]))
    return { subjects, leftOut: [] }
  },
}

async function measure(name) {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', PROBE, name])
  return JSON.parse(stdout)
}

/** The best round decides: what else the machine does only ever adds time. */
function excess(rounds, ceilings) {
  return Object.entries(ceilings).flatMap(([key, ceiling]) => {
    const best = Math.min(...rounds.map((values) => values[key]))
    return best > ceiling ? [`${Math.round(best)} ${UNITS[key]}, above the ceiling of ${ceiling}`] : []
  })
}
