/** What the cache's store in memory costs: no sockets, no proxy, one process for each row. */
import { boundedRounds, probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/cache-probe.mjs', import.meta.url))

/** The rows, with figures that may not be above a ceiling. */
const ROWS = {
  'look-up': { ns: 1_000 },
  miss: { ns: 1_000 },
  'put, 1 KiB': {},
  'put, 64 KiB': {},
  'purge by tag, per hit': {},
  'purge by prefix, per hit': {},
}

const columns = [{ key: 'ns', title: 'ns', unit: 'ns', digits: 0 }]

export const cacheStore = {
  name: 'cache-store',
  title: 'The cost of the cache’s store in memory',
  rowTitle: 'work',
  columns,
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time, with 100,000 entries in random order; a put makes another entry go, and has its share of the collections. ` +
    `Ceiling: ${ROWS['look-up'].ns} ns for a look-up.`,
  measureAll: (plan, log) =>
    boundedRounds(Object.keys(ROWS), measure, plan, log, { columns, ceilingsOf: (name) => ROWS[name] }),
}
