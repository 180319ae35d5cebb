/**
 * What access rules cost, in this process: look-ups in lists of 100,000 ranges, and whole guards in front of a handler, called as a
 * chain would. Processor time, each figure the best of several short rounds: what else the machine does only ever adds time.
 */
import { accessRules, allowAddresses, cidrList, cors, denyAddresses, fetchMetadata } from '@sluice/auth/access'
import { createProxy, Reply } from '@sluice/core'

const RANGES = 100_000
const ASKED = 50_000
const ROUNDS = 12
const MIB = 1024 * 1024

/** The kinds of lists: addresses as clients have them, and how long the prefixes are. */
const LISTS = {
  'list of IPv4': { address: ipv4, length: (random) => 16 + random(17) },
  'list of IPv6': { address: ipv6, length: (random) => 48 + random(81) },
}

const GUARDS = {
  'allowAddresses, 4 ranges': () => allowAddresses(['10.0.0.0/8', '192.0.2.0/24', '2001:db8::/32', '0.0.0.0/0']),
  'denyAddresses, 100,000 ranges': () => denyAddresses(rangesOf(LISTS['list of IPv4'])),
  'accessRules, 10 of all kinds': () =>
    accessRules({
      rules: [
        { action: 'deny', addresses: ['203.0.113.0/24'] },
        { action: 'deny', glob: '/**/*.php' },
        { action: 'deny', method: ['TRACE', 'TRACK'] },
        { action: 'deny', path: '/admin/*', times: { from: '00:00', to: '06:00', timeZone: 'Europe/Berlin' } },
        ...['users', 'orders', 'items', 'carts', 'files'].map((name) => ({
          action: 'deny',
          path: `/${name}/:id/internal`,
        })),
        { action: 'allow', path: '/api/*', query: { debug: false } },
      ],
      default: 'deny',
    }),
  'cors, no origin': () => cors({ origins: ['https://app.example.com'], credentials: true }),
  'fetchMetadata, same-origin': () => fetchMetadata(),
}

/** The names of what {@link accessCost} measures. */
export const ACCESS_COSTS = [...Object.keys(LISTS), ...Object.keys(GUARDS)]

/**
 * Gives `{ ns, buildMs, mib }`: nanoseconds for a look-up or for a guard, without what the handler behind it takes; what it takes to make it, and
 * the memory of its addresses.
 */
export function accessCost(name) {
  return name in LISTS ? listCost(LISTS[name]) : guardCost(GUARDS[name])
}

function listCost(kind) {
  const ranges = rangesOf(kind)
  const start = cpuMicros()
  const list = cidrList(ranges)
  const buildMs = (cpuMicros() - start) / 1_000
  const random = generator(99)
  const asked = Array.from({ length: ASKED }, () => flat(kind.address(random)))
  let found = 0
  const ns = bestNanos(() => {
    for (const address of asked) if (list.has(address)) found++
  }, ASKED)
  if (found === 0) throw new Error('no address was found: the measurement is of something else')
  return { ns, buildMs, mib: list.snapshot().bytes / MIB }
}

function guardCost(make) {
  const start = cpuMicros()
  const guard = make()
  const buildMs = (cpuMicros() - start) / 1_000
  const mib = (guard.snapshot().rules ?? []).reduce((sum, { addresses }) => sum + (addresses?.bytes ?? 0), 0) / MIB
  let exchange
  const proxy = createProxy().handle((x) => {
    exchange = x
    return Reply.empty(204)
  })
  const headers = { Host: 'api.example.com', 'User-Agent': 'bench', Accept: '*/*', 'Sec-Fetch-Site': 'same-origin' }
  void proxy.inject({ path: '/api/users/1?full=1', headers })
  const random = generator(7)
  const addresses = Array.from({ length: ASKED }, () => flat(ipv4(random)))
  const client = { address: '' }
  const { request, clock, settings } = exchange
  const stub = { client, request, clock, settings }
  const next = () => Reply.empty(204)
  const run = (handler) =>
    bestNanos(() => {
      for (const address of addresses) {
        client.address = address
        handler(stub, next)
      }
    }, ASKED)
  return { ns: Math.max(0, run(guard) - run(next)), buildMs, mib }
}

function rangesOf({ address, length }) {
  const random = generator(1)
  return Array.from({ length: RANGES }, () => `${address(random)}/${length(random)}`)
}

function bestNanos(run, calls) {
  run()
  run()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = cpuMicros()
    run()
    best = Math.min(best, cpuMicros() - start)
  }
  return (best / calls) * 1_000
}

function cpuMicros() {
  const { user, system } = process.cpuUsage()
  return user + system
}

function ipv4(random) {
  return [24, 16, 8, 0].map(() => random(256)).join('.')
}

function ipv6(random) {
  return `2001:db8:${[0, 0, 0].map(() => random(65_536).toString(16)).join(':')}::${random(65_536).toString(16)}`
}

/** Flat, as a parser gives them: a string that is still put together from parts would be put together in the measurement. */
function flat(text) {
  return Buffer.from(text).toString('latin1')
}

/** A multiplicative generator: the same numbers each time. */
function generator(seed) {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return Math.floor((state / 2_147_483_647) * below)
  }
}
