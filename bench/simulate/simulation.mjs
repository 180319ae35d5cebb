/**
 * One balancer with one set of gates: a real upstream, in virtual time. Every request goes the way of one that is proxied
 * from `pick` to `vacated`, without its head and its body: 10 million of those would be most of the work, and the same for
 * all balancers. A request is sent once; nothing is retried.
 */
import { createUpstream } from '@sluice/core'
import { targetEjected } from '@sluice/resilience'
import { seededRandom } from '@sluice/testing'
import { balancers, gateSets } from './contenders.mjs'
import { Histogram } from './histogram.mjs'
import { arrivalRate, FAILING, SimulatedTargets, SLOW, WELL } from './targets.mjs'
import { VirtualTime } from './virtual-time.mjs'
import { addressOf, arrivals, clients, logNormal } from './workload.mjs'

const NONE = Object.freeze([])
/** One in so many picks is timed: the timer costs more than some of them. */
const TIMED = 64
const TIMEOUT = Object.freeze({ code: 'ERR_SLUICE_HEAD_TIMEOUT', source: 'upstream', stage: 'response-head' })

/**
 * Gives `{ figures, costs }`: the figures are the same for the same plan, always; the costs are this machine's.
 * `progress` is told a share now and then.
 */
export function simulate(plan, progress = () => {}) {
  const run = new Run(plan)
  run.go(progress)
  return { figures: run.figures(), costs: run.costs() }
}

class Run {
  latencies = new Histogram()
  replies = 0
  failures = 0
  timeouts = 0
  refusals = 0
  ended = 0
  time = new VirtualTime()
  upstream
  targets
  #plan
  #changes = new TimedChanges()
  #pickNs = []
  #ejections = [0, 0, 0]
  #processorMs = 0

  constructor(plan) {
    const { create, weightOf = () => 1 } = balancers[plan.balancer]
    this.#plan = plan
    this.targets = new SimulatedTargets(plan)
    this.upstream = createUpstream('simulated', {
      targets: Array.from({ length: plan.targets }, (_, i) => ({ url: urlOf(i), weight: weightOf(i) })),
      balancer: create(),
      gates: gateSets[plan.gates].map((gate) => this.#changes.watch(gate())),
      transport: NO_TRANSPORT,
      clock: this.time,
      random: seededRandom(plan.seed),
    })
  }

  go(progress) {
    const { requests, sigma, clients: count, zipf, seed } = this.#plan
    const { time, upstream, targets } = this
    const rate = arrivalRate(this.#plan)
    const gap = arrivals(rate, seed + 1)
    const factor = logNormal(sigma, seed + 2)
    const client = clients(count, zipf, seed + 3)
    const exchange = { client: { address: '' }, request: { path: '/' }, attempts: NONE }
    const indexes = new Map(upstream.targets.map((target, i) => [target, i]))
    const ejected = ({ target }) => this.#ejections[SimulatedTargets.kindOf(indexOf(target))]++
    const start = process.cpuUsage()
    targetEjected.subscribe(ejected)
    let at = 0
    for (let i = 0; i < requests; i++) {
      at += gap()
      while (time.next <= at) time.step()
      time.passTo(at)
      exchange.client.address = addressOf(client())
      const target = i % TIMED === 0 ? this.#timedPick(exchange) : upstream.pick(exchange)
      const share = factor()
      if (target === undefined) this.refusals++
      else {
        targets.receive(indexes.get(target), at, share)
        const attempt = new SimulatedAttempt(this, target, targets.status)
        upstream.began(attempt)
        time.add(targets.endsAt, attempt)
      }
      if (i % 100_000 === 0) progress(i / requests)
    }
    while (this.ended + this.refusals < requests) time.step()
    targetEjected.unsubscribe(ejected)
    const { user, system } = process.cpuUsage(start)
    this.#processorMs = (user + system) / 1000
  }

  figures() {
    const { received } = this.targets
    const { requests } = this.#plan
    const sums = [0, 0, 0]
    for (const [i, count] of received.entries()) sums[SimulatedTargets.kindOf(i)] += count
    return {
      p50: this.latencies.percentile(0.5),
      p99: this.latencies.percentile(0.99),
      p999: this.latencies.percentile(0.999),
      errors: (this.failures + this.timeouts + this.refusals) / requests,
      failures: this.failures / requests,
      timeouts: this.timeouts / requests,
      refusals: this.refusals / requests,
      toSlow: sums[SLOW] / requests,
      toFailing: sums[FAILING] / requests,
      busiest: Math.max(...received) / (requests / received.length),
      ejectedWell: this.#ejections[WELL],
      ejectedSlow: this.#ejections[SLOW],
      ejectedFailing: this.#ejections[FAILING],
      changes: this.#changes.count,
      seconds: this.time.now() / 1000,
    }
  }

  costs() {
    const picks = this.#pickNs.toSorted((a, b) => a - b)
    return {
      pickNs: Math.max(0, picks[picks.length >> 1] - timerNs()),
      changeMs: this.#changes.count === 0 ? 0 : this.#changes.ms / this.#changes.count,
      changesSeconds: this.#changes.ms / 1000,
      processorSeconds: this.#processorMs / 1000,
    }
  }

  #timedPick(exchange) {
    const start = process.hrtime.bigint()
    const target = this.upstream.pick(exchange)
    this.#pickNs.push(Number(process.hrtime.bigint() - start))
    return target
  }
}

/** As much of an attempt as gates and balancers read, in the order in which core tells them of it. */
class SimulatedAttempt {
  phase = 'pending'
  headAt = undefined
  endedAt = undefined
  status = undefined
  error = undefined
  #run
  #outcome

  constructor(run, target, outcome) {
    this.#run = run
    this.target = target
    this.upstream = run.upstream
    this.startedAt = run.time.now()
    this.#outcome = outcome
  }

  due() {
    const run = this.#run
    const { upstream } = run
    const now = run.time.now()
    run.ended++
    if (this.#outcome === 503) run.failures++
    else run.latencies.add(now - this.startedAt)
    if (this.#outcome === 0) {
      run.timeouts++
      this.endedAt = now
      this.error = TIMEOUT
      this.phase = 'failed'
      upstream.observe(this)
    } else {
      this.phase = 'replied'
      this.headAt = now
      this.status = this.#outcome
      upstream.observe(this)
      this.endedAt = now
      this.phase = 'complete'
    }
    upstream.ended(this)
    upstream.vacated(this.target)
  }
}

/** Counts what gates change, and what that costs. */
class TimedChanges {
  count = 0
  ms = 0
  #depth = 0

  watch(factory) {
    return (services) => factory({ ...services, changed: (...about) => this.#time(() => services.changed(...about)) })
  }

  #time(change) {
    this.count++
    const start = performance.now()
    this.#depth++
    change()
    this.#depth--
    if (this.#depth === 0) this.ms += performance.now() - start
  }
}

/** What timing takes where there is nothing to time. */
function timerNs() {
  const times = Array.from({ length: 10_001 }, () => {
    const start = process.hrtime.bigint()
    return Number(process.hrtime.bigint() - start)
  })
  return times.toSorted((a, b) => a - b)[5_000]
}

function urlOf(index) {
  return `http://192.168.${index >> 8}.${index & 255}:8080`
}

/** A target's place, by its key. */
function indexOf(key) {
  const [, , third, fourth] = new URL(key).hostname.split('.')
  return Number(third) * 256 + Number(fourth)
}

/** Attempts end by themselves here. */
const NO_TRANSPORT = {
  name: 'simulated',
  send() {
    throw new Error('nothing is sent in a simulation')
  },
  stats: () => ({ connected: 0, active: 0, pending: 0 }),
  async close() {},
  async destroy() {},
}
