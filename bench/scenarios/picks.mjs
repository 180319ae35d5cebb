/** What a balancer costs for each attempt: no sockets, no proxy, one process for each balancer. */
import { boundedRounds, NO_COLLECTIONS, probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/pick-probe.mjs', import.meta.url), NO_COLLECTIONS)

/** Nanoseconds that a pick may take, with 10 and with 10,000 targets. */
const CEILINGS = { ns10: 200, ns10000: 1000 }

const columns = [
  { key: 'ns10', title: 'ns, 10 targets', unit: 'ns', digits: 0 },
  { key: 'ns100', title: 'ns, 100', digits: 0 },
  { key: 'ns10000', title: 'ns, 10,000', unit: 'ns', digits: 0 },
  { key: 'bytes', title: 'heap B/pick', digits: 1 },
  { key: 'updateMs', title: 'ms/update, 10,000', digits: 2 },
]

export const picks = {
  name: 'picks',
  title: 'The cost of a pick',
  rowTitle: 'balancer',
  columns,
  defaults: { rounds: 5, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Nanoseconds for \`pick\`, \`began\`, \`observe\` and \`ended\` of one attempt, with twice as many attempts under way as there are targets. ` +
    `Ceilings: ${CEILINGS.ns10} ns with 10 targets, ${CEILINGS.ns10000} ns with 10,000. "nothing" is the measurement itself.`,
  async measureAll(plan, log) {
    const { balancers } = await import('../lib/pick-balancers.mjs')
    return await boundedRounds(Object.keys(balancers), measure, plan, log, { columns, ceilingsOf: () => CEILINGS })
  },
}
