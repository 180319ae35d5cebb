/**
 * An upstream without sockets: a transport that hands each attempt to a handler and brings its answer back. It keeps to
 * what a transport owes: framing fields made from the body, timeouts of the head and of a silent body, backpressure,
 * connections that are used again, and one last call for each attempt, never from within `send`.
 *
 *   const users = fakeUpstream(() => ({ body: 'hello' }))
 *   createUpstream('users', { targets: ['http://users.test'], transport: users.transport })
 */
import { InternalError } from '@sluice/core'
import type {
  Target,
  Transport,
  TransportCall,
  TransportObserver,
  TransportRequest,
  TransportStats,
} from '@sluice/core'
import { systemClock, type Clock } from '@sluice/wire'
import { echo, type UpstreamHandler } from './answer.ts'
import { FakeCall, type FakeUpstreamState } from './fake-call.ts'
import type { ArrivingRequest, RecordedRequest } from './recorded-request.ts'

/** Options of {@link fakeUpstream}. */
export interface FakeUpstreamOptions {
  /** What `delayMs` and the timeouts of attempts run on. @default systemClock */
  readonly clock?: Clock
}

/** Requests that arrived, and the transport that they arrive by. */
export interface FakeUpstream {
  /** For the `transport` option of one upstream or several. It resolves no names: any target URL will do. */
  readonly transport: Transport
  /** In the order of arrival. Attempts that were refused a connection are not among them. */
  readonly requests: readonly RecordedRequest[]
  /**
   * Keys of targets that refuse connections from now on (`ERR_SLUICE_CONNECT_REFUSED`), without a look at the request. A
   * target's key is its URL's origin and base path, such as `http://users.test`.
   */
  readonly refusing: Set<string>
  /** Forgets what was recorded, and refuses no target any more. What is under way goes on. */
  reset(): void
}

/** Makes an upstream in process. Without a handler it echoes: see {@link echo}. */
export function fakeUpstream(handler: UpstreamHandler = echo, options: FakeUpstreamOptions = {}): FakeUpstream {
  const requests: ArrivingRequest[] = []
  const refusing = new Set<string>()
  return {
    transport: new FakeTransport({ handler, requests, refusing, clock: options.clock ?? systemClock }),
    requests,
    refusing,
    reset() {
      requests.length = 0
      refusing.clear()
    },
  }
}

class FakeTransport implements Transport {
  readonly name = 'fake'
  readonly #upstream: FakeUpstreamState
  readonly #calls = new Set<FakeCall>()
  /** Connections that wait for another request, by target. */
  readonly #idle = new Map<string, number>()
  #closing = false
  #whenEmpty: (() => void)[] = []

  constructor(upstream: FakeUpstreamState) {
    this.#upstream = upstream
  }

  send(target: Target, request: TransportRequest, observer: TransportObserver): TransportCall {
    const refused = this.#closing ? new InternalError('ERR_SLUICE_CLOSING') : undefined
    const idle = this.#idle.get(target.key) ?? 0
    const reused = !request.freshConnection && idle > 0
    if (reused) this.#idle.set(target.key, idle - 1)
    const call = new FakeCall(this.#upstream, target.key, request, observer, reused, (reusable) => {
      this.#calls.delete(call)
      if (reusable && !this.#closing) this.#idle.set(target.key, (this.#idle.get(target.key) ?? 0) + 1)
      if (this.#calls.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
    })
    this.#calls.add(call)
    call.start(refused)
    return call
  }

  stats(target: Target): TransportStats {
    let active = 0
    for (const call of this.#calls) if (call.target === target.key) active++
    return { connected: active + (this.#idle.get(target.key) ?? 0), active, pending: 0 }
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#idle.clear()
    if (this.#calls.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }

  async destroy(): Promise<void> {
    this.#closing = true
    this.#idle.clear()
    for (const call of Array.from(this.#calls)) call.cancel(new InternalError('ERR_SLUICE_CLOSING'))
  }
}
