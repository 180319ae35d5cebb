/** What it costs to know who is asking: no sockets, no upstream, one process for each kind. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROBE = fileURLToPath(new URL('../lib/auth-probe.mjs', import.meta.url))

/** Each is a row; the figures that may not be above a ceiling. What is verified anew costs what its signature costs. */
const COSTS = {
  'addresses, rate limit, cached JWT': { ns: 5_000 },
  'cached JWT': { ns: 3_000 },
  'addresses, rate limit': {},
  'RS256, uncached': {},
  'ES256, uncached': {},
  'EdDSA, uncached': {},
  'HS256, uncached': {},
}

export const auth = {
  name: 'auth',
  title: 'The cost of authentication',
  rowTitle: 'what',
  columns: [
    { key: 'ns', title: 'ns', digits: 0 },
    { key: 'jose', title: 'ns, jose alone', digits: 0 },
    { key: 'bytes', title: 'heap B', digits: 0 },
  ],
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time, all threads, for what a chain does before it goes on: addresses of clients looked up among 100,000 ranges, a rate limit in memory, ` +
    `and a JWT of some 700 bytes that was seen before; 1,000 clients in turn. "uncached" verifies each token, beside \`jwtVerify\` of jose with the same checks. ` +
    `Ceilings: ${COSTS['addresses, rate limit, cached JWT'].ns} ns for all three, ${COSTS['cached JWT'].ns} ns for a JWT that was seen.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan, log) {
    const subjects = Object.keys(COSTS).map((name) => ({ name, rounds: [], errors: [] }))
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of subjects) subject.rounds[round] = await measure(subject.name)
      log(`round ${round + 1} of ${plan.rounds}`)
    }
    for (const { name, rounds, errors } of subjects) errors.push(...excess(rounds, COSTS[name]))
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
    return best > ceiling ? [`${Math.round(best)} ns, above the ceiling of ${ceiling}`] : []
  })
}
