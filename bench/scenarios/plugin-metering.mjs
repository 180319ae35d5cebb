/** What the fuel of plugins costs: the same work by the same module, metered and not, one process for each kind of work. */
import { probe, probeRounds } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/metering-probe.mjs', import.meta.url), [])

/** Module and export, each a row. */
const WORK = [
  'c-o2 json',
  'assembly-script json',
  'c-o0 json',
  'c-o2 sha256',
  'c-vector sha256',
  'c-o2 sum',
  'c-o2 sort',
  'c-o2 fib',
  'rust words',
  'rust format',
  'assembly-script litter',
]

/** Per cent that a JSON parser may take longer. */
const MOST = 35

export const pluginMetering = {
  name: 'plugin-metering',
  title: 'The cost of fuel',
  rowTitle: 'module and function',
  columns: [
    { key: 'overhead', title: '% longer', digits: 1 },
    { key: 'plainMicros', title: 'µs plain', digits: 1 },
    { key: 'meteredMicros', title: 'µs metered', digits: 1 },
    { key: 'fuelPerMicro', title: 'fuel/µs', digits: 0 },
    { key: 'growth', title: '× bytes', digits: 2 },
    { key: 'meterMillis', title: 'ms to meter', digits: 1 },
  ],
  must: [
    { subject: 'c-o2 json', key: 'overhead', atMost: MOST },
    { subject: 'assembly-script json', key: 'overhead', atMost: MOST },
  ],
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `The best of many calls with 10 KB, both forms in one process and in turn. A JSON parser may take ${MOST} % longer. ` +
    '"ms to meter" is for the first time, before the engine has optimised that code.',
  measureAll: (plan, log) => probeRounds(WORK, (name) => measure(...name.split(' ')), plan, log),
}
