/** `node eviction-probe.mjs POLICY`: the share of hits on each trace, from when the cache is warm, as a line of JSON. */
import { policies, sizeOfStore } from './eviction-policies.mjs'
import { traces } from './eviction-traces.mjs'

const REQUESTS = 300_000
const WARM_UP = 60_000

/** About as many as the store holds: how many things there are is counted in these. */
const SIZE = 2_000

const values = {}
for (const [name, { make }] of Object.entries(traces)) {
  const trace = make(SIZE, REQUESTS)
  const size = sizeOfStore(trace, WARM_UP)
  const { ask } = policies[process.argv[2]](size)
  let hits = 0
  trace.forEach((key, i) => {
    if (ask(key) && i >= WARM_UP) hits++
  })
  values[name] = (hits / (REQUESTS - WARM_UP)) * 100
}
console.log(JSON.stringify(values))
