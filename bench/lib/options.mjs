/** The command line. */
import { parseArgs } from 'node:util'
import { access } from '../scenarios/access.mjs'
import { allocations } from '../scenarios/allocations.mjs'
import { auth } from '../scenarios/auth.mjs'
import { cacheEvictions } from '../scenarios/cache-evictions.mjs'
import { cacheStore } from '../scenarios/cache-store.mjs'
import { cacheHit1k, cacheHit1m, cacheHit64k, cacheMiss } from '../scenarios/caches.mjs'
import { h2Small } from '../scenarios/h2-small.mjs'
import { halfRate } from '../scenarios/half-rate.mjs'
import { idleConnections } from '../scenarios/idle-connections.mjs'
import { request1m, response1m } from '../scenarios/large-bodies.mjs'
import { picks } from '../scenarios/picks.mjs'
import { pluginMetering } from '../scenarios/plugin-metering.mjs'
import { pluginSpins } from '../scenarios/plugin-spins.mjs'
import { pluginThreads } from '../scenarios/plugin-threads.mjs'
import { plugins } from '../scenarios/plugins.mjs'
import { rateLimits } from '../scenarios/rate-limit.mjs'
import { small } from '../scenarios/small.mjs'
import { tlsHandshakes, tlsSmall } from '../scenarios/tls.mjs'
import { idleTunnels, webSocketMessages } from '../scenarios/web-sockets.mjs'
import { subjectNames } from './subjects.mjs'

const SCENARIOS = [
  small,
  response1m,
  request1m,
  idleConnections,
  halfRate,
  tlsSmall,
  tlsHandshakes,
  h2Small,
  webSocketMessages,
  idleTunnels,
  allocations,
  picks,
  plugins,
  pluginSpins,
  pluginThreads,
  pluginMetering,
  rateLimits,
  access,
  auth,
  cacheStore,
  cacheEvictions,
  cacheHit1k,
  cacheHit64k,
  cacheHit1m,
  cacheMiss,
]

const NUMBERS = ['rounds', 'seconds', 'connections', 'size', 'warmup']

const USAGE = `pnpm bench [options]

  --scenario NAME     ${SCENARIOS.map(({ name }) => name).join(', ')}, or all (small)
  --subjects A,B      only these, of: ${subjectNames().join(', ')}
  --rounds N          turns of each subject; interleaved (5)
  --seconds N         length of a measurement (4)
  --connections N     client connections (64; h2-small: 16, tls-handshakes: 8, idle ones: 10000)
  --size BYTES        body size (863; large bodies: 1 MiB; messages: 125)
  --warmup SECONDS    load before the first measurement of a process (3)
  --save, --no-save   write bench/results/; by default only a run of all subjects with at least its scenario's rounds does
`

/** Gives the scenarios to run, each with its resolved options, or `undefined` where help was asked for and given. */
export function readOptions(args) {
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== '--'), // pnpm passes it on
    allowNegative: true,
    options: {
      scenario: { type: 'string', default: 'small' },
      subjects: { type: 'string' },
      ...Object.fromEntries(NUMBERS.map((name) => [name, { type: 'string' }])),
      save: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return undefined
  }
  const named = values.subjects === undefined ? undefined : chosen(values.subjects)
  const scenarios = values.scenario === 'all' ? SCENARIOS : SCENARIOS.filter(({ name }) => name === values.scenario)
  if (scenarios.length === 0) throw new Error(`there is no scenario "${values.scenario}"`)
  return scenarios.map((scenario) => {
    const { warmup, ...numbers } = numbersOf(values)
    const options = { ...scenario.defaults, ...numbers, ...(warmup === undefined ? {} : { warmupSeconds: warmup }) }
    const complete = named === undefined && options.rounds >= scenario.defaults.rounds
    return {
      scenario,
      options,
      subjects: named ?? scenario.subjects ?? subjectNames(scenario.name),
      save: values.save ?? complete,
    }
  })
}

function numbersOf(values) {
  const given = NUMBERS.filter((name) => values[name] !== undefined)
  return Object.fromEntries(
    given.map((name) => {
      const number = Number(values[name])
      if (!(Number.isInteger(number) && number > 0)) throw new Error(`--${name} must be a whole number above 0`)
      return [name, number]
    }),
  )
}

function chosen(list) {
  const names = list.split(',')
  const known = subjectNames()
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no subject "${unknown}"`)
  return names
}
