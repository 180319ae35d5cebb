/** How often a cache has what is asked for, by what it lets go: no sockets, no proxy, no clock. */
import { traces } from '../lib/eviction-traces.mjs'
import { probe } from '../lib/probe-rounds.mjs'

const measure = probe(new URL('../lib/eviction-probe.mjs', import.meta.url), [])

/** By how many percentage points `memoryStore` may be below LRU on any trace. */
const MAX_DEFICIT = 0.5

export const cacheEvictions = {
  name: 'cache-evictions',
  title: 'Hits of a cache, by what it lets go',
  rowTitle: 'policy',
  columns: Object.entries(traces).map(([key, { title }]) => ({ key, title: `%, ${title}`, digits: 1 })),
  defaults: { rounds: 1, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Hits in percent of 240,000 requests to a warm cache; all hold as many entries, of which there are 20 times as many (or 100 times). ` +
    `Must: \`memoryStore\` nowhere more than ${MAX_DEFICIT} points below LRU.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan) {
    const { policies } = await import('../lib/eviction-policies.mjs')
    const names = Object.keys(policies)
    // Seeded: each round would be the same.
    const rounds = await Promise.all(names.map((name) => measure(name)))
    const subjects = names.map((name, i) => ({ name, rounds: Array(plan.rounds).fill(rounds[i]), errors: [] }))
    const [store, lru] = ['memoryStore', 'LRU'].map((name) => subjects.find((each) => each.name === name))
    for (const { key, title } of cacheEvictions.columns)
      if (store.rounds[0][key] < lru.rounds[0][key] - MAX_DEFICIT) store.errors.push(`below LRU: ${title}`)
    return { subjects, leftOut: [] }
  },
}
