/** What a thread of its own costs a plugin: by the clock, since both threads have to be waited for. */
import { boundedRounds, probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/thread-probe.mjs', import.meta.url), [])
const ROWS = { "on the proxy's thread": 'inline', 'on a thread of its own': 'worker' }

/** Microseconds that a call may take on an idle machine, the exchange's own included. */
const CEILING = 100

const columns = [
  { key: 'idle', title: 'µs p50, one at a time', unit: 'µs', digits: 1 },
  { key: 'idleP99', title: 'p99', digits: 1 },
  { key: 'afterGap', title: 'p50 after 2 ms of rest', digits: 1 },
  { key: 'loaded', title: 'µs/exchange, 64 at a time', digits: 1 },
  { key: 'loadedCpu', title: 'CPU µs/exchange', digits: 1 },
]

export const pluginThreads = {
  name: 'plugin-threads',
  title: 'The cost of a thread',
  rowTitle: 'plugin',
  columns,
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Whole exchanges without sockets, through one plugin that reads three fields and sets one. Ceiling for one at a time: ${CEILING} µs in the best round.`,
  measureAll: (plan, log) =>
    boundedRounds(Object.keys(ROWS), (name) => measure(ROWS[name]), plan, log, {
      columns,
      ceilingsOf: () => ({ idle: CEILING }),
    }),
}
