/**
 * What a proxy allocates for each small request. Hardly anything else of a proxy's cost is as steady, so that a line that
 * begins to allocate shows here before it shows in processor time; and unlike the other figures it has a ceiling.
 */
import { hasProbe, withProbe } from '../lib/ask-probe.mjs'
import { httpLoad } from '../lib/load.mjs'
import { small } from './small.mjs'

const PROBE = new URL('../lib/allocation-probe.mjs', import.meta.url).href

/** Bytes on the heap for each request: 15 % above what was measured when the line was last changed. Lower it when it can be. */
const CEILINGS = { sluice: 9_700, 'sluice-chain': 14_500, 'sluice-node': 13_300 }

export const allocations = {
  ...small,
  must: [],
  name: 'allocations',
  title: 'Allocations for small JSON replies',
  columns: [
    { key: 'heapBytes', title: 'heap B/request', digits: 0 },
    { key: 'bufferBytes', title: 'buffer B/request', digits: 0 },
    { key: 'collections', title: 'collections/10,000', digits: 1 },
  ],
  subjects: ['sluice', 'sluice-chain', 'sluice-node', 'fast-proxy'],
  nodeArguments: ['--import', PROBE],
  defaults: { ...small.defaults, seconds: 2, rounds: 3 },
  // Its fields are part of the figure: the same ones whether nginx is there or not.
  readsBodies: true,
  describe: (options) =>
    `${small.describe(options)} Bytes that are allocated, collected or not. Ceilings of the first figure: ${ceilings()}.`,
  async measure(subject, plan) {
    if (!hasProbe(subject)) throw new Error('only a process of Node can be asked')
    return await withProbe(subject, async (ask) => {
      await ask('start')
      const load = await httpLoad.apply(subject, plan)
      const { heapBytes, bufferBytes, collections } = await ask('stop')
      const values = {
        heapBytes: heapBytes / load.requests,
        bufferBytes: bufferBytes / load.requests,
        collections: (collections / load.requests) * 10_000,
      }
      return { values, errors: [...load.errors, ...excess(subject.name, values.heapBytes)] }
    })
  },
}

/** What is above its ceiling fails the run. */
function excess(name, heapBytes) {
  return heapBytes > CEILINGS[name] ? [`${Math.round(heapBytes)} B, above its ceiling of ${CEILINGS[name]}`] : []
}

function ceilings() {
  return Object.entries(CEILINGS)
    .map(([name, bytes]) => `${name} ${bytes} B`)
    .join(', ')
}
