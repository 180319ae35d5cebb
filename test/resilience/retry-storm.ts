/**
 * Every target fails, and all that tries again is there: the connect retries of `forward`, `retry` and `hedge`. What targets
 * get is counted where it arrives.
 */
import { createProxy, createUpstream } from '@sluice/core'
import { hedge, hedged, retried, retry } from '@sluice/resilience'
import { hostileUpstream, listenUpstream } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { Load } from './load.ts'
import { SentRequests } from './sent-requests.ts'

export const FAILURES = ['refuses', 'resets', 'answers 503', 'hangs'] as const
export type Failure = (typeof FAILURES)[number]

export interface RetryStormOptions {
  readonly failure: Failure
  readonly requests: number
  readonly concurrency: number
}

export interface RetryStormReport {
  readonly requests: number
  readonly attempts: number
  /** Tries beyond the first that were begun, whether or not they have arrived: on a busy machine some come too late. */
  readonly triedAgain: number
  /** 1.2 times the requests, and the floor. */
  readonly bound: number
  readonly seconds: number
  /** How often clients got what, by status and code. */
  readonly outcomes: Readonly<Record<string, number>>
}

const TARGETS = 3
const RATIO = 0.2
const PER_SECOND = 10
/** The budget's window. */
const WINDOW_SECONDS = 10
const TRY_TIMEOUT_MS = 250
const HEDGE_DELAY_MS = 80

/** A target that fails, and what it has counted. */
interface FailingTarget {
  readonly url: string
  readonly port: number
  attempts(): number
  close(): Promise<void>
}

export async function retryStorm({ failure, requests, concurrency }: RetryStormOptions): Promise<RetryStormReport> {
  const tap = new SentRequests()
  const targets = await Promise.all(Array.from({ length: TARGETS }, async () => await failing(failure, tap)))
  const upstream = createUpstream('pool', { targets: targets.map(({ url }) => url) })
  const proxy = createProxy()
    .use(
      retry({
        maxRetries: 5,
        backoffMs: 2,
        tryTimeoutMs: TRY_TIMEOUT_MS,
        budget: { ratio: RATIO, perSecond: PER_SECOND },
      }),
    )
    .use(hedge({ delayMs: HEDGE_DELAY_MS, maxHedges: 2 }))
    .forward(upstream)
  const own = await proxy.listen({ host: '127.0.0.1' })
  const load = new Load({ port: own.address.port, postShare: 0.2 })
  const startedAt = systemClock.now()
  let triedAgain = 0
  const count = (): void => void triedAgain++
  for (const event of [retried, hedged]) event.subscribe(count)
  try {
    await load.all(requests, concurrency)
    const seconds = (systemClock.now() - startedAt) / 1_000
    const outcomes: Record<string, number> = {}
    for (const { status, problem } of load.sent) {
      const outcome = `${status} ${problem}`
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
    const attempts = targets.reduce((sum, target) => sum + target.attempts(), 0)
    const bound = (1 + RATIO) * requests + PER_SECOND * (WINDOW_SECONDS + seconds)
    return { requests: load.sent.length, attempts, triedAgain, bound, seconds, outcomes }
  } finally {
    for (const event of [retried, hedged]) event.unsubscribe(count)
    tap.stop()
    load.close()
    await proxy.close({ drainMs: 0 })
    await Promise.all(targets.map((target) => target.close()))
  }
}

async function failing(failure: Failure, tap: SentRequests): Promise<FailingTarget> {
  if (failure === 'answers 503') {
    const target = await listenUpstream(() => ({ status: 503, body: 'no' }))
    return { url: target.url, port: target.port, attempts: () => target.requests.length, close: () => target.close() }
  }
  const kind = ({ refuses: 'refuse', resets: 'reset-after-head-received', hangs: 'accept-and-hang' } as const)[failure]
  const target = await hostileUpstream({ kind })
  const port = Number(new URL(target.url).port)
  return {
    url: target.url,
    port,
    // Nobody is there to count who is refused: what can be seen is who has tried.
    attempts: () => (failure === 'refuses' ? tap.connectionsTo(port) : headsIn(target.received)),
    close: () => target.close(),
  }
}

function headsIn(received: readonly Buffer[]): number {
  return received.reduce((sum, bytes) => sum + bytes.toString('latin1').split(' HTTP/1.1\r\n').length - 1, 0)
}
