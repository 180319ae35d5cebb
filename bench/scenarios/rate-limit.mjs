/** What a rate limit in memory costs: no sockets, no proxy, one process for each kind of limit. */
import { boundedRounds, probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/limit-probe.mjs', import.meta.url))

/** Of a check by a store. */
const CEILINGS = { ns1000: 500, ns1000000: 500, mib: 150 }

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

const columns = [
  { key: 'ns1000', title: 'ns, 1,000 keys', unit: 'ns', digits: 0 },
  { key: 'ns1000000', title: 'ns, 1,000,000', unit: 'ns', digits: 0 },
  { key: 'bytes', title: 'heap B/check', digits: 0 },
  { key: 'mib', title: 'MiB, 1,000,000 keys', unit: 'MiB', digits: 0 },
]

export const rateLimits = {
  name: 'rate-limit',
  title: 'The cost of a rate limit in memory',
  rowTitle: 'limit',
  columns,
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time for one check of a store in memory, keys in random order, and what the store takes for a million of them. ` +
    `Ceilings: ${CEILINGS.ns1000000} ns for a check, and ${CEILINGS.mib} MiB. "middleware" is all of \`rateLimit\` in a chain: key, check, fields of the reply.`,
  measureAll: (plan, log) =>
    boundedRounds(Object.keys(LIMITS), measure, plan, log, { columns, ceilingsOf: (name) => LIMITS[name] }),
}
