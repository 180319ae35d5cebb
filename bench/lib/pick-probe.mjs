import { getHeapStatistics } from 'node:v8'
/**
 * `node --expose-gc pick-probe.mjs NAME`: measures one balancer in a process of its own, as a proxy with one kind of
 * balancer would run it, and prints a line of JSON. Time is processor time, of everything an attempt costs the balancer: `pick`,
 * `began`, `observe` and `ended`, with twice as many attempts under way as there are targets.
 */
import { createUpstream } from '@sluice/core'
import { balancers } from './pick-balancers.mjs'

const SIZES = [10, 100, 10_000]
const EXCHANGES = 4096
const WARM_UP = 300_000
const ATTEMPTS = 50_000
const ENOUGH_MICROS = 150_000
const ALLOCATING_ATTEMPTS = 100_000

const NONE = Object.freeze([])
const ZONES = 3

const { create, weightOf = () => 1 } = balancers[process.argv[2]]
const exchanges = Array.from({ length: EXCHANGES }, (_, i) => exchangeOf(i))

const values = {}
for (const size of SIZES) {
  const { balancer, upstream } = balancerOf(size)
  const attempt = attemptOf(upstream)
  const underWay = Array.from({ length: 2 * size })
  run(balancer, underWay, attempt, Math.max(WARM_UP, 3 * underWay.length))
  values[`ns${size}`] = microsOf(() => run(balancer, underWay, attempt, ATTEMPTS)) / (ATTEMPTS / 1000)
  // The first round after a collection is not counted: it may still compile.
  values.bytes = Math.max(
    values.bytes ?? 0,
    Math.min(bytesOf(balancer, underWay, attempt), bytesOf(balancer, underWay, attempt)),
  )
  values.updateMs = updateMs(balancer, upstream.targets)
}
console.log(JSON.stringify(values))

function run(balancer, underWay, attempt, count) {
  let place = 0
  for (let i = 0; i < count; i++) {
    const ended = underWay[place]
    if (ended !== undefined) {
      ended.active--
      balancer.ended?.(ended, attempt)
    }
    const target = balancer.pick(exchanges[i & (EXCHANGES - 1)], NONE)
    target.active++
    balancer.began?.(target, attempt)
    balancer.observe?.(target, attempt)
    underWay[place] = target
    place = place + 1 === underWay.length ? 0 : place + 1
  }
}

/**
 * Processor time of one call, of as many as it takes to measure it: what else the machine does counts less than on a
 * clock, but the kernel counts in steps of some milliseconds.
 */
function microsOf(work) {
  const start = cpuMicros()
  let calls = 0
  let micros = 0
  do {
    work()
    calls++
    micros = cpuMicros() - start
  } while (micros < ENOUGH_MICROS)
  return micros / calls
}

function cpuMicros() {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

function bytesOf(balancer, underWay, attempt) {
  globalThis.gc()
  const before = getHeapStatistics().used_heap_size
  run(balancer, underWay, attempt, ALLOCATING_ATTEMPTS)
  return Math.max(0, getHeapStatistics().used_heap_size - before) / ALLOCATING_ATTEMPTS
}

/** One target leaves, and comes back. */
function updateMs(balancer, targets) {
  const fewer = targets.toSpliced(targets.length >> 1, 1)
  const micros = microsOf(() => {
    balancer.update(fewer)
    balancer.update(targets)
  })
  return micros / 2 / 1000
}

function balancerOf(size) {
  const targets = Array.from({ length: size }, (_, i) => ({
    url: `http://10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:8080`,
    weight: weightOf(i),
    priority: i % 2,
    zone: `zone-${i % ZONES}`,
    metadata: { version: `v${i % 2}` },
  }))
  const upstream = createUpstream('bench', { targets })
  const { clock, random } = upstream
  const balancer = create()({ upstream: 'bench', clock, random, targets: () => upstream.targets })
  balancer.update(upstream.targets)
  return { balancer, upstream }
}

/** As much of an exchange as balancers look at. */
function exchangeOf(index) {
  const version = `v${index % 2}`
  const headers = { get: (name) => (name === 'x-version' ? version : undefined) }
  return {
    client: { address: index % 2 === 0 ? `192.0.${index >> 8}.${index & 255}` : `2001:db8:${index.toString(16)}::1` },
    request: { path: `/users/${index}/orders`, headers },
    received: { headers },
  }
}

function attemptOf({ clock }) {
  const now = clock.now()
  return { phase: 'replied', status: 200, startedAt: now - 12.5, headAt: now, endedAt: undefined }
}
