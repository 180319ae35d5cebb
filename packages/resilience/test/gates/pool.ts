/** An upstream whose attempts a test drives by hand: the gate under test sits in it, and nothing is sent. */
import {
  createUpstream,
  type Attempt,
  type GateFactory,
  type Target,
  type Upstream,
  type UpstreamOptions,
} from '@sluice/core'
import { fakeUpstream, virtualClock, type VirtualClock } from '@sluice/testing'
import { expect } from 'vitest'

/** One attempt by hand. */
export class HandAttempt {
  readonly attempt: Attempt
  readonly #upstream: Upstream
  readonly #record: { -readonly [K in keyof Attempt]?: Attempt[K] }

  constructor(upstream: Upstream, target: Target) {
    this.#upstream = upstream
    this.#record = { target, upstream, startedAt: upstream.clock.now(), phase: 'pending' }
    this.attempt = this.#record as Attempt
    upstream.began(this.attempt)
  }

  replied(status = 200): this {
    Object.assign(this.#record, { phase: 'replied', status, headAt: this.#upstream.clock.now() })
    this.#upstream.observe(this.attempt)
    return this
  }

  complete(): void {
    this.#end('complete')
  }

  /** Before the head, or after it. */
  failed(): void {
    this.#record.phase = 'failed'
    this.#upstream.observe(this.attempt)
    this.#end('failed')
  }

  /** By the client: nobody is told but that it is over. */
  cancelled(): void {
    this.#end('cancelled')
  }

  #end(phase: 'complete' | 'failed' | 'cancelled'): void {
    Object.assign(this.#record, { phase, endedAt: this.#upstream.clock.now() })
    this.#upstream.ended(this.attempt)
    this.#upstream.vacated(this.attempt.target)
  }
}

/** An upstream with gates, the first of which has a state `T` for each target. */
export class Pool<T = unknown> {
  readonly upstream: Upstream
  readonly clock: VirtualClock
  /** How often the list has been made. */
  updates = 0
  /** What the balancer was last told. */
  #listed: readonly Target[] = []

  constructor(gates: readonly GateFactory[], count = 3, options: Partial<UpstreamOptions> = {}) {
    this.clock = virtualClock()
    this.upstream = createUpstream('pool', {
      targets: Array.from({ length: count }, (_, i) => `http://t${i}.test`),
      transport: fakeUpstream().transport,
      clock: this.clock,
      random: () => 0,
      gates,
      balancer: () => ({ name: 'none', update: (targets) => this.#update(targets), pick: () => undefined }),
      ...options,
    })
  }

  #update(targets: readonly Target[]): void {
    this.updates++
    this.#listed = targets
  }

  target(index = 0): Target {
    return this.upstream.targets[index]!
  }

  begin(index = 0): HandAttempt {
    return new HandAttempt(this.upstream, this.target(index))
  }

  /** Attempts that are replied to, one after the other. */
  replies(statuses: readonly number[], index = 0): void {
    for (const status of statuses) this.begin(index).replied(status).complete()
  }

  fails(times: number, index = 0): void {
    for (let i = 0; i < times; i++) this.begin(index).failed()
  }

  /** Indexes of the targets that may be picked: what the balancer was told, with which the snapshot has to agree. */
  get admitted(): number[] {
    const indexes = this.#listed.map((target) => this.upstream.targets.indexOf(target))
    const { targets } = this.upstream.snapshot()
    expect(targets.flatMap(({ admitted }, index) => (admitted ? [index] : []))).toEqual(indexes)
    return indexes
  }

  reasons(index = 0): readonly string[] {
    return this.upstream.snapshot().targets[index]!.reasons
  }

  /** What the first gate knows, by target key. */
  get states(): Record<string, T> {
    return this.upstream.gates[0]!.snapshot!() as Record<string, T>
  }

  state(index = 0): T {
    return this.states[this.target(index).key]!
  }
}
