/**
 * Three targets under load, of which one fails and recovers. Clients see nothing of it, but for requests that can't be
 * repeated and had been sent; and the target's share comes back as slow start says.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createProxy, createUpstream, type GateFactory, type Proxy, type Upstream } from '@sluice/core'
import { weightedRoundRobin } from '@sluice/balancers'
import { activeHealth, outlierEjection, retry, slowStart } from '@sluice/resilience'
import { waitFor } from '@sluice/testing'
import { Load, type Sent } from './load.ts'
import { SentRequests } from './sent-requests.ts'
import { startTargets, type TargetProcess } from './target.ts'

/** What happens to the target, and how it is undone. */
export interface Fault {
  readonly name: string
  begin(target: TargetProcess): unknown
  end(target: TargetProcess): unknown
}

export const KILLED: Fault = {
  name: 'is killed',
  begin: async (target) => await target.kill(),
  end: async (target) => await target.start(),
}

export const OTHER_FAULTS: readonly Fault[] = [
  { name: 'hangs', begin: (target) => target.freeze(), end: (target) => target.thaw() },
  { name: 'answers 500', begin: (target) => target.answer('error'), end: (target) => target.answer('ok') },
  { name: 'resets connections', begin: (target) => target.answer('reset'), end: (target) => target.answer('ok') },
  { name: 'is slow', begin: (target) => target.answer('slow'), end: (target) => target.answer('ok') },
]

export interface FailoverOptions {
  readonly fault: Fault
  readonly perSecond: number
  /** Before the fault, while it lasts, and after the target has its whole share again. */
  readonly phaseMs: number
  readonly slowStartMs: number
  /** How far the share may be from what slow start says, in any fifth of its window, 0 to 1. */
  readonly tolerance: number
}

export interface FailoverReport {
  readonly requests: number
  /** POSTs that failed, and how many of them the target had received before it failed. */
  readonly failedPosts: number
  readonly receivedOfThem: number
  /** The target's share in each fifth of the slow-start window, then after it. */
  readonly shares: readonly number[]
  /** What should not be; empty where all is well. */
  readonly problems: readonly string[]
}

const POST_SHARE = 0.3
const COMES_BACK_WITHIN_MS = 10_000
const STEPS = 5
const MIN_WEIGHT = 0.1

export async function failover(options: FailoverOptions): Promise<FailoverReport> {
  const targets = await startTargets()
  const tap = new SentRequests()
  const gateway = makeGateway(targets, options.slowStartMs)
  const own = await gateway.proxy.listen({ host: '127.0.0.1' })
  const load = new Load({ port: own.address.port, postShare: POST_SHARE })
  const [victim] = targets
  const problems: string[] = []
  try {
    const course = run(gateway, victim!, options, problems)
    await load.steady(options.perSecond, course)
    const { enteredAt } = await course
    const failed = load.sent.filter(({ status }) => status !== 200)
    const received = new Set(victim!.received())
    problems.push(...failuresToExplain(failed, victim!, received, tap))
    problems.push(...duplicates(load.sent, targets))
    const shares = sharesOf(victim!.name, load.sent, enteredAt, options.slowStartMs)
    problems.push(...unevenness(shares, options.tolerance))
    return {
      requests: load.sent.length,
      failedPosts: failed.filter(({ method }) => method === 'POST').length,
      receivedOfThem: failed.filter(({ id }) => received.has(id)).length,
      shares,
      problems,
    }
  } finally {
    tap.stop()
    load.close()
    await gateway.proxy.close({ drainMs: 0 })
    await Promise.all(targets.map((target) => target.close()))
  }
}

interface Gateway {
  readonly proxy: Proxy
  readonly upstream: Upstream
  /** When each target last became admissible again, by its key. */
  readonly entered: ReadonlyMap<string, number>
}

function makeGateway(targets: readonly TargetProcess[], slowStartMs: number): Gateway {
  const entered = new Map<string, number>()
  const recorder: GateFactory = ({ clock }) => ({
    name: 'recorder',
    admits: () => true,
    observe: () => {},
    entered: ({ key }) => entered.set(key, clock.now()),
  })
  const upstream = createUpstream('pool', {
    targets: targets.map(({ url }) => url),
    balancer: weightedRoundRobin(),
    gates: [
      activeHealth({ path: '/health', intervalMs: 100, timeoutMs: 200, unhealthyAfter: 2 }),
      outlierEjection({ ejectionMs: 300, maxEjectionMs: 300 }),
      slowStart({ windowMs: slowStartMs, minWeight: MIN_WEIGHT }),
      recorder,
    ],
  })
  const proxy = createProxy()
    .use(retry({ tryTimeoutMs: 300, statuses: [500, 502, 503, 504] }))
    .forward(upstream)
  return { proxy, upstream, entered }
}

/** The course of events, while the load goes on. */
async function run(
  { upstream, entered }: Gateway,
  victim: TargetProcess,
  { fault, phaseMs, slowStartMs }: FailoverOptions,
  problems: string[],
): Promise<{ enteredAt: number }> {
  await sleep(phaseMs)
  const state = () => upstream.snapshot().targets[0]!
  if (!state().admitted) problems.push(`left out before anything was wrong: ${state().reasons.join()}`)
  const startedAt = upstream.clock.now()
  await fault.begin(victim)
  await waitFor(() => !state().admitted, { timeoutMs: 5_000, what: 'the target to be left out' })
  await sleep(phaseMs)
  if (state().admitted) problems.push('used again while it failed')
  await fault.end(victim)
  const { key } = state()
  await waitFor(() => state().admitted && (entered.get(key) ?? 0) > startedAt, {
    timeoutMs: COMES_BACK_WITHIN_MS,
    what: `the target to be used again, ${JSON.stringify(state())}`,
  })
  await sleep(slowStartMs + phaseMs)
  return { enteredAt: entered.get(key)! }
}

/** A GET never fails; a POST only where its bytes had left for the target that failed. */
function failuresToExplain(
  failed: readonly Sent[],
  { port, name }: TargetProcess,
  received: ReadonlySet<string>,
  tap: SentRequests,
): string[] {
  return failed.flatMap(({ id, method, status, problem }) => {
    if (method === 'POST' && (received.has(id) || tap.has(id, port))) return []
    return [`${method} ${id} failed with ${status} ${problem}, and ${name} was not sent it`]
  })
}

/** What may not be repeated is received once at most; what was answered with 200, once. */
function duplicates(sent: readonly Sent[], targets: readonly TargetProcess[]): string[] {
  const counts = new Map<string, number>()
  for (const target of targets) for (const id of target.received()) counts.set(id, (counts.get(id) ?? 0) + 1)
  return sent.flatMap(({ id, method, status }) => {
    const count = counts.get(id) ?? 0
    if (method === 'GET' || count === 1 || (count === 0 && status !== 200)) return []
    return [`POST ${id}, answered with ${status}, was received ${count} times`]
  })
}

function sharesOf(name: string, sent: readonly Sent[], since: number, windowMs: number): number[] {
  const steps = Array.from({ length: STEPS + 1 }, () => ({ all: 0, own: 0 }))
  for (const { startedAt, target } of sent) {
    if (startedAt < since || target === '') continue
    const step = steps[Math.min(STEPS, Math.floor(((startedAt - since) / windowMs) * STEPS))]!
    step.all++
    if (target === name) step.own++
  }
  return steps.map(({ all, own }) => own / all)
}

function unevenness(shares: readonly number[], tolerance: number): string[] {
  return shares.flatMap((share, step) => {
    const expected = expectedShare(step)
    if (Math.abs(share - expected) <= tolerance) return []
    return [`a share of ${share.toFixed(3)} in fifth ${step + 1} since it came back, where ${expected.toFixed(3)} is due`]
  })
}

/** Of three targets with the same weight, one of which rises to it. */
function expectedShare(step: number): number {
  const weight = step === STEPS ? 1 : Math.max(MIN_WEIGHT, (step + 0.5) / STEPS)
  return weight / (weight + 2)
}
