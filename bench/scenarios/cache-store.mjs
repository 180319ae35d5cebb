/** What the cache's store in memory costs: no sockets, no proxy, one process for each row. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROBE = fileURLToPath(new URL('../lib/cache-probe.mjs', import.meta.url))

/** The rows, each with the nanoseconds that it may take where there is a bound. */
const ROWS = {
  'look-up': 1_000,
  miss: 1_000,
  'put, 1 KiB': undefined,
  'put, 64 KiB': undefined,
  'purge by tag, per hit': undefined,
  'purge by prefix, per hit': undefined,
}

export const cacheStore = {
  name: 'cache-store',
  title: 'The cost of the cache’s store in memory',
  rowTitle: 'work',
  columns: [{ key: 'ns', title: 'ns', digits: 0 }],
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time, with 100,000 entries in random order; a put makes another entry go, and has its share of the collections. ` +
    `Ceiling: ${ROWS['look-up']} ns for a look-up.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan, log) {
    const subjects = Object.keys(ROWS).map((name) => ({ name, rounds: [], errors: [] }))
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of subjects) subject.rounds[round] = await measure(subject.name)
      log(`round ${round + 1} of ${plan.rounds}`)
    }
    for (const { name, rounds, errors } of subjects) {
      // The best round decides: what else the machine does only ever adds time.
      const best = Math.min(...rounds.map(({ ns }) => ns))
      if (best > (ROWS[name] ?? Infinity)) errors.push(`${Math.round(best)} ns, above the ceiling of ${ROWS[name]}`)
    }
    return { subjects, leftOut: [] }
  },
}

async function measure(name) {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', PROBE, name])
  return JSON.parse(stdout)
}
