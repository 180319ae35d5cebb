/**
 * Three targets under load, of which one fails and recovers. Clients see nothing of it, but for requests that can't be
 * repeated and had been sent; and the target's share comes back as slow start says.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { weightedRoundRobin } from '@sluice/balancers'
import { createProxy, createUpstream, type GateFactory, type Proxy, type Target, type Upstream } from '@sluice/core'
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
}

export interface FailoverReport {
  readonly requests: number
  readonly failedGets: number
  /** POSTs that failed, and how many of them the target had received before it failed. */
  readonly failedPosts: number
  readonly receivedOfThem: number
  /** The target's share of the attempts in each fifth of the slow-start window, then after it. */
  readonly shares: readonly number[]
  /** What should not be; empty where all is well. */
  readonly problems: readonly string[]
}

const POST_SHARE = 0.3
/** Takes some time, so that there always are requests under way at each target. */
const PATH = '/?headMs=30'
/** Requests before it begins, so that connections and code are warm. */
const WARM_UP = 200
const COMES_BACK_WITHIN_MS = 10_000
const STEPS = 5
const MIN_WEIGHT = 0.1
/** Attempts more or less than are due in a fifth: smooth balancing is never behind by more than a few. */
const MAX_UNEVENNESS = 4

export async function failover(options: FailoverOptions): Promise<FailoverReport> {
  const targets = await startTargets()
  const tap = new SentRequests()
  const gateway = makeGateway(targets, options.slowStartMs)
  const own = await gateway.proxy.listen({ host: '127.0.0.1' })
  const load = new Load({ port: own.address.port, postShare: POST_SHARE, pathOf: () => PATH })
  const [victim] = targets
  const problems: string[] = []
  try {
    await load.all(WARM_UP, WARM_UP / 10)
    const course = run(gateway, victim!, options, problems)
    await load.steady(options.perSecond, course)
    const { enteredAt } = await course
    const failed = load.sent.filter(({ status }) => status !== 200)
    const received = new Set(victim!.received())
    problems.push(...notSeen(load.sent, targets, tap), ...failuresToExplain(failed, targets, received, tap))
    problems.push(...duplicates(load.sent, targets))
    const { shares, unevenness } = lookAtReturn(gateway.picks, enteredAt, options.slowStartMs)
    problems.push(...unevenness)
    return {
      requests: load.sent.length,
      failedGets: failed.filter(({ method }) => method === 'GET').length,
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

/** An attempt as it was begun. */
interface Pick {
  readonly at: number
  readonly isVictim: boolean
  /** The weight of the target that has failed, at that moment. */
  readonly weight: number
}

interface Gateway {
  readonly proxy: Proxy
  readonly upstream: Upstream
  readonly picks: readonly Pick[]
  /** When each target last became admissible again, by its key. */
  readonly entered: ReadonlyMap<string, number>
}

function makeGateway(targets: readonly TargetProcess[], slowStartMs: number): Gateway {
  const entered = new Map<string, number>()
  const picks: Pick[] = []
  const recorder: GateFactory = ({ clock, targets }) => ({
    name: 'recorder',
    admits: () => true,
    observe: () => {},
    entered: ({ key }: Target) => void entered.set(key, clock.now()),
    began: (target: Target) => {
      const [victim] = targets()
      picks.push({ at: clock.now(), isVictim: target === victim, weight: victim!.effectiveWeight })
    },
  })
  const upstream = createUpstream('pool', {
    targets: targets.map(({ url }) => url),
    balancer: weightedRoundRobin(),
    panicThreshold: 0.5,
    gates: [
      activeHealth({ path: '/health', intervalMs: 100, timeoutMs: 500, unhealthyAfter: 2 }),
      outlierEjection({ ejectionMs: 800, maxEjectionMs: 800 }),
      slowStart({ windowMs: slowStartMs, minWeight: MIN_WEIGHT }),
      recorder,
    ],
  })
  const proxy = createProxy()
    .use(retry({ tryTimeoutMs: 1_000, statuses: [500, 502, 503, 504] }))
    .forward(upstream)
  return { proxy, upstream, picks, entered }
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
  // Where this machine is so busy that others fail as well, what is left out is used again.
  if (state().admitted && !upstream.snapshot().isPanicking) problems.push('used again while it failed')
  await fault.end(victim)
  const { key } = state()
  await waitFor(() => state().admitted && (entered.get(key) ?? 0) > startedAt, {
    timeoutMs: COMES_BACK_WITHIN_MS,
    what: `the target to be used again, ${JSON.stringify(state())}`,
  })
  await sleep(slowStartMs + phaseMs)
  return { enteredAt: entered.get(key)! }
}

/** What was answered has left: a tap that does not see that explains nothing. */
function notSeen(sent: readonly Sent[], targets: readonly TargetProcess[], tap: SentRequests): string[] {
  const unseen = sent.filter(({ id, status }) => status === 200 && !targets.some(({ port }) => tap.has(id, port)))
  return unseen.map(({ method, id }) => `${method} ${id} was answered, and nobody saw it leave`)
}

/** A GET never fails; a POST only where its bytes had left for the target that failed, the first of them. */
function failuresToExplain(
  failed: readonly Sent[],
  targets: readonly TargetProcess[],
  received: ReadonlySet<string>,
  tap: SentRequests,
): string[] {
  return failed.flatMap(({ id, method, status, problem }) => {
    const sentTo = targets.filter(({ port }) => tap.has(id, port))
    if (method === 'POST' && (received.has(id) || sentTo.includes(targets[0]!))) return []
    const names = sentTo.map(({ name }) => name).join(' and ') || 'nobody'
    return [`${method} ${id} failed with ${status} ${problem}, and was sent to ${names}`]
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

/**
 * Its weight may never be ahead of the time; behind it may be, where this process was late. Given its weight, its share is
 * that which balancing owes it. Each of the two others has a weight of 1.
 */
function lookAtReturn(
  picks: readonly Pick[],
  since: number,
  windowMs: number,
): { readonly shares: readonly number[]; readonly unevenness: readonly string[] } {
  const steps = Array.from({ length: STEPS + 1 }, () => ({ all: 0, own: 0, due: 0 }))
  const unevenness: string[] = []
  for (const { at, isVictim, weight } of picks) {
    if (at < since) continue
    const passed = (at - since) / windowMs
    if (weight > Math.max(MIN_WEIGHT, passed))
      unevenness.push(`a weight of ${weight} after ${passed} of the slow start`)
    const step = steps[Math.min(STEPS, Math.floor(passed * STEPS))]!
    step.all++
    step.due += weight / (weight + 2)
    if (isVictim) step.own++
  }
  for (const [index, { own, due }] of steps.entries()) {
    if (Math.abs(own - due) > MAX_UNEVENNESS) unevenness.push(`${own} of ${due} attempts in fifth ${index + 1}`)
  }
  if (steps.at(-1)!.due < steps.at(-1)!.all / 4) unevenness.push('not its whole weight after the slow start')
  return { shares: steps.map(({ all, own }) => own / all), unevenness }
}
