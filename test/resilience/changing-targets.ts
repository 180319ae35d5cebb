/** Targets come and go, drain and come back while requests go on. Nothing is lost, and nothing is left behind. */
import { createProxy, createUpstream, type BalancerFactory } from '@sluice/core'
import { listenUpstream, seededRandom, waitFor } from '@sluice/testing'
import { Load } from './load.ts'

export interface ChangingTargetsOptions {
  readonly balancer: BalancerFactory
  readonly requests: number
  readonly concurrency: number
  readonly seed: number
}

export interface ChangingTargetsReport {
  readonly requests: number
  readonly changes: number
  /** What should not be; empty where all is well. */
  readonly problems: readonly string[]
}

const TARGETS = 6
/** Of which so many always are there. */
const STAYING = 2
/** So few that exchanges wait for a place, and have to be let in by whoever leaves or comes. */
const MAX_ACTIVE_PER_TARGET = 6
const PAUSE_MS = 3

export async function changingTargets(options: ChangingTargetsOptions): Promise<ChangingTargetsReport> {
  const random = seededRandom(options.seed)
  const peers = await Promise.all(
    Array.from({ length: TARGETS }, async () => await listenUpstream(() => ({ body: 'good', delayMs: random() * 10 }))),
  )
  const upstream = createUpstream('pool', {
    targets: peers.map(({ url }) => url),
    balancer: options.balancer,
    maxActivePerTarget: MAX_ACTIVE_PER_TARGET,
  })
  // Nothing tries again, so that what is lost shows.
  const proxy = createProxy().forward(upstream, { maxConnectAttempts: 1 })
  const own = await proxy.listen({ host: '127.0.0.1' })
  const load = new Load({ port: own.address.port, postShare: 0.3 })
  const leaving: Promise<void>[] = []
  let changes = 0
  const change = (): void => {
    const { url } = peers[STAYING + Math.floor(random() * (TARGETS - STAYING))]!
    const target = upstream.targets.find(({ key }) => key === url)
    changes++
    if (target === undefined) upstream.add({ url, weight: 1 + random() * 3 })
    else if (target.state !== 'up') upstream.update(url, { state: 'up' })
    else if (random() < 0.3) upstream.update(url, { weight: random() * 3, maxActive: 1 + Math.floor(random() * 8) })
    else if (random() < 0.2) upstream.replace(peers.slice(0, STAYING + Math.floor(random() * 4)).map(({ url }) => url))
    else leaving.push(random() < 0.5 ? upstream.remove(url) : upstream.drain(url))
  }
  const problems: string[] = []
  const timer = setInterval(change, PAUSE_MS)
  try {
    await load.all(options.requests, options.concurrency)
    clearInterval(timer)
    for (const { method, id, status, problem } of load.sent)
      if (status !== 200) problems.push(`${method} ${id} failed with ${status} ${problem}`)
    const received = peers.reduce((sum, peer) => sum + peer.requests.length, 0)
    if (received !== options.requests) problems.push(`${options.requests} requests were received ${received} times`)
    await Promise.all(leaving)
    problems.push(...(await leftovers()))
  } catch (error) {
    problems.push(String(error))
  } finally {
    clearInterval(timer)
    load.close()
    await proxy.close({ drainMs: 0 })
    await Promise.all(peers.map((peer) => peer.close()))
  }
  return { requests: load.sent.length, changes, problems }

  /** What is counted is there no more, and nobody holds a connection to a target that is gone. */
  async function leftovers(): Promise<string[]> {
    const gone = peers.filter(({ url }) => !upstream.targets.some(({ key, state }) => key === url && state === 'up'))
    await waitFor(() => gone.every(({ connections }) => connections === 0)).catch(() => {})
    const { active, pending, targets } = upstream.snapshot()
    return [
      ...gone.filter(({ connections }) => connections > 0).map(({ url }) => `${url} is gone, and has connections`),
      ...(active + pending === 0 ? [] : [`${active} active and ${pending} pending are left`]),
      ...targets.filter(({ active, isLeaving }) => active > 0 || isLeaving).map((each) => JSON.stringify(each)),
    ]
  }
}
