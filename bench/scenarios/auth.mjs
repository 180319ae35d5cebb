/** What it costs to know who is asking: no sockets, no upstream, one process for each kind. */
import { boundedRounds, probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/auth-probe.mjs', import.meta.url))

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

const columns = [
  { key: 'ns', title: 'ns', unit: 'ns', digits: 0 },
  { key: 'jose', title: 'ns, jose alone', digits: 0 },
  { key: 'bytes', title: 'heap B', digits: 0 },
]

export const auth = {
  name: 'auth',
  title: 'The cost of authentication',
  rowTitle: 'what',
  columns,
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time, all threads, for what a chain does before it goes on: addresses of clients looked up among 100,000 ranges, a rate limit in memory, ` +
    `and a JWT of some 700 bytes that was seen before; 1,000 clients in turn. "uncached" verifies each token, beside \`jwtVerify\` of jose with the same checks. ` +
    `Ceilings: ${COSTS['addresses, rate limit, cached JWT'].ns} ns for all three, ${COSTS['cached JWT'].ns} ns for a JWT that was seen.`,
  measureAll: (plan, log) =>
    boundedRounds(Object.keys(COSTS), measure, plan, log, { columns, ceilingsOf: (name) => COSTS[name] }),
}
