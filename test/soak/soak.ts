/** Many requests with faults among them through a gateway, and what is left of them afterwards. */
import { createProxy, createUpstream, type Listener, type Proxy, type Upstream } from '@sluice/core'
import { hostileUpstream, seededRandom, waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import type { ListenerKind, TransportKind } from '../faults/combinations.ts'
import { faultyUpstream } from './faulty-upstream.ts'
import { gatherLongLived, look, type Leftovers } from './leftovers.ts'
import { TrafficClient, type Tally } from './traffic.ts'

export interface SoakOptions {
  readonly listener: ListenerKind
  readonly transport: TransportKind
  readonly requests: number
  /** Ends the traffic after this time, whatever is left of `requests`. */
  readonly seconds: number
  readonly concurrency: number
  /** The share of requests that meet a fault, 0 to 1. */
  readonly faultShare: number
  readonly seed: number
  /** What the heap may grow between a fifth of the way and the end. */
  readonly heapGrowthBytes: number
}

export interface SoakReport {
  readonly requests: number
  readonly seconds: number
  readonly kinds: ReadonlyMap<string, number>
  readonly early: Leftovers
  readonly late: Leftovers
  /** What should not be; empty where all is well. */
  readonly leaks: readonly string[]
}

const WARM_UP_SHARE = 0.2
const QUIET_WITHIN_MS = 10_000
/** Longer than the transport keeps an idle connection. */
const IDLE_TIMEOUT_MS = 300

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const warnings: string[] = []
  const onWarning = (warning: Error): void => void warnings.push(`a warning: ${warning.message}`)
  process.on('warning', onWarning)
  const faulty = await Promise.all([faultyUpstream(), faultyUpstream()])
  const refusing = await hostileUpstream({ kind: 'refuse' })
  const transport = (): ReturnType<TransportKind['create']> =>
    options.transport.create({ idleTimeoutMs: IDLE_TIMEOUT_MS })
  const pool = createUpstream('faulty', { targets: faulty.map(({ url }) => url), transport: transport() })
  const nobody = createUpstream('nobody', { targets: [refusing.url], transport: transport() })
  const proxy = createProxy()
    .route({ path: '/refused' }, (route) => route.forward(nobody))
    .forward(pool)
  const own = await proxy.listen({ host: '127.0.0.1', listener: options.listener.create() })

  const longLived = gatherLongLived()
  const tally: Tally = { kinds: new Map(), surprises: [] }
  const quiet = async (): Promise<void> => {
    await waitFor(() => isQuiet(proxy, own, [pool, nobody]), {
      timeoutMs: QUIET_WITHIN_MS,
      what: 'nothing to be under way',
    })
    await waitFor(() => faulty.every(({ connections }) => connections === 0), {
      timeoutMs: QUIET_WITHIN_MS,
      what: 'idle connections to be closed',
    })
  }
  const startedAt = systemClock.now()
  const deadline = startedAt + options.seconds * 1_000
  const random = seededRandom(options.seed)
  let begun = 0
  const run = async (until: number): Promise<void> => {
    const worker = async (): Promise<void> => {
      const client = new TrafficClient(own.address.port, random, tally, options.faultShare)
      while (begun < until && systemClock.now() < deadline) await client.one(begun++)
      client.leave()
    }
    await Promise.all(Array.from({ length: options.concurrency }, worker))
    await quiet()
  }
  try {
    await run(Math.round(options.requests * WARM_UP_SHARE))
    const early = await look(longLived)
    await run(options.requests)
    const late = await look(longLived)
    const seconds = (systemClock.now() - startedAt) / 1_000
    const leaks = [...tally.surprises.slice(0, 20), ...warnings, ...growth(early, late, options.heapGrowthBytes)]
    return { requests: begun, seconds, kinds: tally.kinds, early, late, leaks }
  } finally {
    longLived.stop()
    process.off('warning', onWarning)
    await proxy.close({ drainMs: 0 })
    await Promise.all([...faulty, refusing].map(async (peer) => await peer.close()))
  }
}

function isQuiet(proxy: Proxy, { connections }: Listener, upstreams: readonly Upstream[]): boolean {
  const isIdle = upstreams.every(({ targets }) => targets.every(({ active }) => active === 0))
  return proxy.inFlight === 0 && connections === 0 && isIdle
}

function growth(early: Leftovers, late: Leftovers, heapGrowthBytes: number): string[] {
  const grown = (['sockets', 'timers', 'listeners'] as const)
    .filter((kind) => late[kind] > early[kind])
    .map((kind) => `${kind} grew from ${early[kind]} to ${late[kind]}`)
  const heap = late.heapBytes - early.heapBytes
  return heap > heapGrowthBytes ? [...grown, `the heap grew by ${heap} bytes`] : grown
}
