/** What a plugin adds to an exchange: no sockets, one process for each plugin. */
import { boundedRounds, NO_COLLECTIONS, probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/plugin-probe.mjs', import.meta.url), NO_COLLECTIONS)

/** Microseconds of an exchange. */
const CEILINGS = { 'three fields read, one set': { micros: 3 } }

const columns = [
  { key: 'micros', title: 'CPU µs/exchange', unit: 'µs', digits: 2 },
  { key: 'bytes', title: 'heap B/exchange', digits: 0 },
  { key: 'fuel', title: 'fuel', digits: 0 },
]

export const plugins = {
  name: 'plugins',
  title: 'The cost of a plugin',
  rowTitle: 'plugin',
  columns,
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Processor time of a chain of one plugin of \`sluice:v1\`, inline and metered, and a handler. ` +
    `Ceiling for three fields read and one set: ${CEILINGS['three fields read, one set'].micros} µs. "nothing" is the measurement itself.`,
  async measureAll(plan, log) {
    const { guests } = await import('../lib/plugin-guests.mjs')
    const ceilingsOf = (name) => CEILINGS[name] ?? {}
    return await boundedRounds(Object.keys(guests), measure, plan, log, { columns, ceilingsOf })
  },
}
