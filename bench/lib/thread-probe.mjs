/**
 * `node thread-probe.mjs inline|worker`: measures what an exchange through one plugin takes, by the clock, with one exchange at a time and with
 * many, and prints a line of JSON. No sockets.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createProxy, Reply } from '@sluice/core'
import { plugin } from '@sluice/plugin-host'
import { assemble, guests } from './plugin-guests.mjs'

const WARM_UP = 20_000
const CALLS = 5_000
const AT_ONCE = 64
const GAPS = 300
const GAP_MS = 2

const fields = { read: ['user-agent', 'accept', 'cookie'], write: ['x-plugin'] }
const middleware = plugin({
  name: 'measured',
  abi: 'sluice:v1',
  isolation: process.argv[2],
  source: { bytes: assemble(guests['three fields read, one set']) },
  capabilities: { requestHeaders: fields },
})
await middleware.ready
const proxy = createProxy()
  .use(middleware)
  .handle(() => Reply.empty(204))
const request = {
  path: '/users/1',
  headers: {
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
    Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Accept-Encoding': 'gzip, deflate, br',
    Cookie: 'session=0123456789abcdef; theme=dark',
  },
}
const ask = async () => await proxy.inject(request)

for (let i = 0; i < WARM_UP; i++) await ask()
const idle = await times(CALLS, ask)
const afterGap = await times(GAPS, ask, async () => await sleep(GAP_MS))
const startedAt = performance.now()
const cpu = process.cpuUsage()
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let i = 0; i < CALLS / 8; i++) await ask()
  }),
)
const { user, system } = process.cpuUsage(cpu)
const calls = (AT_ONCE * CALLS) / 8
const loaded = ((performance.now() - startedAt) * 1_000) / calls
console.log(
  JSON.stringify({
    idle: at(idle, 0.5),
    idleP99: at(idle, 0.99),
    afterGap: at(afterGap, 0.5),
    loaded,
    loadedCpu: (user + system) / calls,
  }),
)
await middleware.close()

/** Microseconds of each call, in order of length. */
async function times(count, call, before) {
  const found = []
  for (let i = 0; i < count; i++) {
    await before?.()
    const start = performance.now()
    await call()
    found.push((performance.now() - start) * 1_000)
  }
  return found.sort((a, b) => a - b)
}

function at(sorted, part) {
  return sorted[Math.floor(sorted.length * part)]
}
