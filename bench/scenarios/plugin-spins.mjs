/** What other requests notice of a plugin that spins: their latency, with and without one percent of requests that make it spin. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'

const GATEWAY = fileURLToPath(new URL('../lib/spin-gateway.mjs', import.meta.url))
const ROWS = ['no spins', 'spins in 1 % of calls']
/** Times the p99 without spins, at most. */
const CEILING = 2
const RATE = 1_000
const WARM_UP_SECONDS = 2

export const pluginSpins = {
  name: 'plugin-spins',
  title: 'What others notice of a plugin that spins',
  rowTitle: 'plugin',
  columns: [
    { key: 'p99', title: 'p99 ms', digits: 2 },
    { key: 'p50', title: 'p50 ms', digits: 2 },
  ],
  defaults: { rounds: 5, seconds: 8, connections: 64 },
  plan: ({ rounds, seconds, connections }) => ({ rounds, seconds, connections }),
  describe: () =>
    `${RATE} requests a second at even times, through one plugin with the default limits and breaker, and \`failure: open\`. The latency of those that do ` +
    `not spin. Ceiling: ${CEILING} times the p99 without spins, in the median of the rounds.`,
  async measureAll({ rounds, seconds, connections }, log) {
    const subjects = ROWS.map((name) => ({ name, rounds: [], errors: [] }))
    for (let round = 0; round < rounds; round++) {
      // A process for each, so that a breaker that has opened does not rest into the next.
      for (const [index, subject] of subjects.entries())
        subject.rounds[round] = await measure({ seconds, connections, spins: index === 1 })
      log(`round ${round + 1} of ${rounds}`)
    }
    const [calm, spinning] = subjects
    const ratios = spinning.rounds.map(({ p99 }, i) => p99 / calm.rounds[i].p99).toSorted((a, b) => a - b)
    const median = ratios[ratios.length >> 1]
    if (median > CEILING) spinning.errors.push(`${median.toFixed(2)} times the p99 without spins`)
    return { subjects, leftOut: [] }
  },
}

async function measure({ seconds, connections, spins }) {
  const gateway = fork(GATEWAY)
  const [port] = await once(gateway, 'message')
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections })
  await send(pool, WARM_UP_SECONDS, false)
  const times = await send(pool, seconds, spins)
  await pool.close()
  gateway.disconnect()
  await once(gateway, 'exit')
  times.sort((a, b) => a - b)
  return { p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] }
}

/** Gives the latencies of those requests that do not make it spin. */
async function send(pool, seconds, spins) {
  const times = []
  const underWay = []
  const start = performance.now()
  for (let sent = 0; sent < RATE * seconds; sent++) {
    // Whether or not the ones before were answered: a gateway that stands still must not slow down its load.
    const dueAt = start + (sent / RATE) * 1_000
    if (performance.now() < dueAt)
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())))
    underWay.push(ask(pool, spins && sent % 100 === 50, times))
  }
  await Promise.all(underWay)
  return times
}

async function ask(pool, isSpinning, times) {
  const sentAt = performance.now()
  const { body } = await pool.request({ path: '/', method: 'GET', headers: isSpinning ? { 'x-plugin': '1' } : {} })
  await body.dump()
  if (!isSpinning) times.push(performance.now() - sentAt)
}
