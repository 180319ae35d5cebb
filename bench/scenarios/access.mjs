/** What access rules cost: no sockets, no proxy, one process for each kind. */
import { boundedRounds, probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/access-probe.mjs', import.meta.url), [])

/** Of whatever decides by address alone. */
const CEILINGS = { ns: 1_000, buildMs: 1_000, mib: 4 }
const columns = [
  { key: 'ns', title: 'ns', unit: 'ns', digits: 0 },
  { key: 'buildMs', title: 'ms to build', unit: 'ms', digits: 0 },
  { key: 'mib', title: 'MiB', unit: 'MiB', digits: 1 },
]

export const access = {
  name: 'access',
  title: 'The cost of access rules',
  rowTitle: 'what',
  columns,
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds of processor time for a look-up in a list of 100,000 ranges, and for a whole guard, by addresses of clients as text. ` +
    `Ceilings for what decides by address: ${CEILINGS.ns} ns, ${CEILINGS.buildMs} ms, ${CEILINGS.mib} MiB.`,
  async measureAll(plan, log) {
    const { ACCESS_COSTS } = await import('../lib/access-costs.mjs')
    const ceilingsOf = (name) => (/^accessRules|^cors|^fetch/.test(name) ? {} : CEILINGS)
    return await boundedRounds(ACCESS_COSTS, measure, plan, log, { columns, ceilingsOf })
  },
}
