/** What a thread of its own costs a plugin: by the clock, since both threads have to be waited for. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROBE = fileURLToPath(new URL('../lib/thread-probe.mjs', import.meta.url))
const ROWS = { inline: "on the proxy's thread", worker: 'on a thread of its own' }

/** Microseconds that a call may take on an idle machine, the exchange's own included. */
const CEILING = 100

export const pluginThreads = {
  name: 'plugin-threads',
  title: 'The cost of a thread',
  rowTitle: 'plugin',
  columns: [
    { key: 'idle', title: 'µs p50, one at a time', digits: 1 },
    { key: 'idleP99', title: 'p99', digits: 1 },
    { key: 'afterGap', title: 'p50 after 2 ms of rest', digits: 1 },
    { key: 'loaded', title: 'µs/exchange, 64 at a time', digits: 1 },
    { key: 'loadedCpu', title: 'CPU µs/exchange', digits: 1 },
  ],
  defaults: { rounds: 3, seconds: 0 },
  plan: ({ rounds }) => ({ rounds, seconds: 0 }),
  describe: () =>
    `Whole exchanges without sockets, through one plugin that reads three fields and sets one. Ceiling for one at a time: ${CEILING} µs in the best round.`,
  /** Gives `{ subjects: [{ name, rounds, errors }], leftOut: [] }`, as `runRounds` does for proxies. */
  async measureAll(plan, log) {
    const subjects = Object.entries(ROWS).map(([isolation, name]) => ({ isolation, name, rounds: [], errors: [] }))
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of subjects) subject.rounds[round] = await measure(subject.isolation)
      log(`round ${round + 1} of ${plan.rounds}`)
    }
    for (const { rounds, errors } of subjects) {
      const best = Math.min(...rounds.map(({ idle }) => idle))
      if (best > CEILING) errors.push(`${best.toFixed(1)} µs, above the ceiling of ${CEILING}`)
    }
    return { subjects, leftOut: [] }
  },
}

async function measure(isolation) {
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, PROBE, isolation])
  return JSON.parse(stdout)
}
