/**
 * `node --expose-gc limit-probe.mjs NAME`: measures one kind of limit in a process of its own, and prints a line of JSON. Keys
 * are those of clients: half of them addresses of IPv4, half networks of IPv6.
 */
import { getHeapStatistics } from 'node:v8'
import { createProxy, Reply } from '@sluice/core'
import { memoryStore, rateLimit } from '@sluice/rate-limit'

const MANY = 1_000_000
const FEW = 1_000
const WARM_UP = 200_000
const CHECKS = 100_000
const HANDFUL = 200
/** So few that nothing is collected meanwhile. */
const ALLOCATING_CHECKS = 10_000
const ENOUGH_MICROS = 300_000
const MIB = 1024 * 1024
/** So much that nobody is refused. */
const PLENTY = 1e9

const limits = {
  'token bucket': [{ limit: PLENTY, windowMs: 60_000 }],
  gcra: [{ limit: PLENTY, windowMs: 60_000, algorithm: 'gcra', burst: PLENTY }],
  'sliding window': [{ limit: 5, windowMs: 60_000, algorithm: 'sliding-window' }],
  'token bucket, two policies': [
    { name: 'burst', limit: PLENTY, windowMs: 1_000 },
    { name: 'minute', limit: PLENTY, windowMs: 60_000 },
  ],
  'token bucket, refusing': [{ limit: 1, windowMs: 3_600_000 }],
  middleware: [{ limit: PLENTY, windowMs: 60_000 }],
  'middleware, refusing': [{ limit: 1, windowMs: 3_600_000 }],
}

const name = process.argv[2]
let now = 1_000.5
let fetched = 0
/** Time passes by a microsecond at each look. */
const clock = { now: () => (now += 0.001), wallTime: () => 1_700_000_000_000, schedule: () => ({ cancel() {} }) }

const keys = Array.from({ length: MANY }, (_, i) => keyOf(i))
/** The order in which they come: shuffled, so that each look goes somewhere else. */
const order = shuffled(MANY)
const orderOfFew = order.filter((index) => index < FEW)

const values = {}
const before = bytesInUse()
const many = name.startsWith('middleware') ? middleware() : store(MANY)
for (let i = 0; i < MANY; i++) void many(keys[i])
values.mib = (bytesInUse() - before) / MIB
values.ns1000000 = nanosOf(many, order)
const few = name.startsWith('middleware') ? middleware() : store(MANY)
values.ns1000 = nanosOf(few, orderOfFew)
// The first round after a collection is not counted: it may still compile.
values.bytes = Math.min(bytesOf(few), bytesOf(few))
console.log(JSON.stringify(values))

/** A check of the store alone. */
function store(maxKeys) {
  const policies = limits[name].map(({ algorithm = 'token-bucket', windowMs, limit, burst = limit }, i) => ({
    name: `policy-${i}`,
    isNamed: true,
    algorithm,
    limit,
    windowMs,
    burst,
    shadow: false,
    // What the middleware finds out itself: they have the same key, and each request takes one unit.
    keyGroup: 0,
    hasWholeCost: true,
    at: '',
  }))
  const account = memoryStore({ maxKeys }).openLimits(policies)
  const costs = policies.map(() => 1)
  return policies.length === 1
    ? (key) => account.check([key], costs, clock)
    : (key) => account.check([key, key], costs, clock)
}

/** The whole middleware, called as a chain would, with an exchange that is a real one. */
function middleware() {
  const limit = rateLimit({ ...limits[name][0], store: memoryStore({ maxKeys: MANY }) })
  let exchange
  const proxy = createProxy({ clock }).handle((x) => {
    exchange = x
    return Reply.empty(204)
  })
  void proxy.inject()
  const client = { address: '' }
  const stub = { client, clock, settings: exchange.settings, aborted: undefined }
  const next = () => Reply.empty(204)
  return (key) => {
    client.address = key
    return limit(stub, next)
  }
}

/**
 * Keys of requests have just been read: so those of a handful are fetched from among the million before they are checked, and
 * what the fetching takes is measured by itself and left out.
 */
function nanosOf(check, indexes) {
  return Math.max(0, nanosOfCalls(check, indexes) - nanosOfCalls(fetch, indexes))
}

function fetch(key) {
  fetched ^= key.charCodeAt(0) ^ key.charCodeAt(key.length - 1)
}

function nanosOfCalls(check, indexes) {
  run(check, indexes, WARM_UP, 0)
  let calls = 0
  let micros = 0
  const start = cpuMicros()
  do {
    run(check, indexes, CHECKS, calls % indexes.length)
    calls += CHECKS
    micros = cpuMicros() - start
  } while (micros < ENOUGH_MICROS)
  return (micros / calls) * 1_000
}

function run(check, indexes, count, from) {
  for (let done = 0; done < count; done += HANDFUL) {
    for (let i = done; i < done + HANDFUL; i++) fetch(keys[indexes[(from + i) % indexes.length]])
    for (let i = done; i < done + HANDFUL; i++) check(keys[indexes[(from + i) % indexes.length]])
  }
}

function bytesOf(check) {
  globalThis.gc()
  const before = getHeapStatistics().used_heap_size
  for (let i = 0; i < ALLOCATING_CHECKS; i++) check(keys[orderOfFew[i % FEW]])
  return Math.max(0, getHeapStatistics().used_heap_size - before) / ALLOCATING_CHECKS
}

/** Processor time: what else the machine does counts less than on a clock. */
function cpuMicros() {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** What is on the heap and in typed arrays, whether it has been touched yet or not. */
function bytesInUse() {
  globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Flat, as a parser gives them: a string that is still put together from parts would be put together in the measurement. */
function keyOf(index) {
  const [a, b, c] = [index >> 16, (index >> 8) & 255, index & 255]
  const text =
    index % 2 === 0 ? `10.${a}.${b}.${c}` : `2001:db8:${a.toString(16)}:${(index & 0xffff).toString(16)}::/64`
  return Buffer.from(text).toString('latin1')
}

function shuffled(length) {
  const order = Array.from({ length }, (_, i) => i)
  // A multiplicative generator is random enough for an order that must only not be a regular one.
  let seed = 12_345
  for (let i = length - 1; i > 0; i--) {
    seed = (seed * 48_271) % 2_147_483_647
    const j = seed % (i + 1)
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order
}
