/**
 * Active health: a target is left out after probes of our own have failed, and used again after they have gone well,
 * without a client's request being spent on finding out. Probes are spread over the interval, and bounded in number.
 */
import type { Gate, GateFactory, GateServices, Target } from '@sluice/core'
import { targetHealthChanged } from '../../events.ts'
import { healthPolicy, type ActiveHealthOptions, type HealthPolicy } from './health-options.ts'
import { ProbeQueue } from './probe-queue.ts'
import { TargetHealth, type TargetHealthSnapshot } from './target-health.ts'

/** Active health of one upstream or several: a gate to put among their `gates`, and a handle on all its probes. */
export interface ActiveHealth extends GateFactory {
  /**
   * Probes now, without waiting for the schedule: all targets of all upstreams that have this gate, those included that are
   * `down` by hand, or those with this key. What comes out counts as any other probe. Gives the state after it, by target
   * key; a key that nobody has gives nothing.
   */
  checkNow(targetKey?: string): Promise<Readonly<Record<string, TargetHealthSnapshot>>>
}

/** First probes follow each other at this pace, in milliseconds, or faster where they would not fit into the interval. */
const FIRST_PROBES_EVERY_MS = 10

/**
 * Probes targets, over HTTP or TCP.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` for a wrong option
 */
export function activeHealth(options: ActiveHealthOptions = {}): ActiveHealth {
  const policy = healthPolicy(options)
  const gates = new Set<ActiveHealthGate>()
  const create = (services: GateServices): Gate => {
    const gate = new ActiveHealthGate(services, policy, () => gates.delete(gate))
    gates.add(gate)
    return gate
  }
  return Object.assign(create, {
    async checkNow(targetKey?: string) {
      const results = await Promise.all([...gates].map((gate) => gate.checkNow(targetKey)))
      return Object.assign({}, ...results) as Readonly<Record<string, TargetHealthSnapshot>>
    },
  })
}

class ActiveHealthGate implements Gate {
  readonly name = 'active-health'
  readonly #services: GateServices
  readonly #policy: HealthPolicy
  readonly #queue: ProbeQueue
  readonly #closed: () => void
  readonly #states = new Map<Target, TargetHealth>()
  /** The list that `#states` was last brought in line with: another list is another object. */
  #seen: readonly Target[] = []
  #isClosed = false

  constructor(services: GateServices, policy: HealthPolicy, closed: () => void) {
    this.#services = services
    this.#policy = policy
    this.#queue = new ProbeQueue(policy, services.clock)
    this.#closed = closed
    this.#meet()
  }

  admits(target: Target): boolean {
    this.#meet()
    const state = this.#states.get(target)
    if (state?.isPaused && target.state !== 'down') this.#schedule(state, 0)
    return state?.healthy ?? this.#policy.initiallyHealthy
  }

  reason(target: Target): string {
    const state = this.#states.get(target)
    if (state?.inARow === undefined || state.inARow === 0) return 'not probed yet'
    const { problem, inARow } = state
    return problem === undefined
      ? `unhealthy: ${inARow} of ${this.#policy.healthyAfter} probes in a row went well`
      : `unhealthy: ${problem}, ${inARow} in a row`
  }

  observe(): void {}

  /** State by target key. */
  snapshot(): Readonly<Record<string, TargetHealthSnapshot>> {
    this.#meet()
    return Object.fromEntries([...this.#states].map(([{ key }, state]) => [key, state.snapshot()]))
  }

  async checkNow(targetKey: string | undefined): Promise<Readonly<Record<string, TargetHealthSnapshot>>> {
    this.#meet()
    const wanted = [...this.#states.values()].filter(({ target: { key } }) => key === (targetKey ?? key))
    await Promise.all(wanted.map((state) => this.#probe(state)))
    return Object.fromEntries(wanted.map((state) => [state.target.key, state.snapshot()]))
  }

  close(): void {
    this.#isClosed = true
    for (const state of this.#states.values()) this.#forget(state)
    this.#states.clear()
    this.#closed()
  }

  /** Brings the states in line with the targets: new ones get their first probe, those that are gone are forgotten. */
  #meet(): void {
    const targets = this.#services.targets()
    if (targets === this.#seen || this.#isClosed) return
    this.#seen = targets
    const { initiallyHealthy, intervalMs } = this.#policy
    const fresh = targets.filter((target) => !this.#states.has(target))
    const paceMs = Math.min(FIRST_PROBES_EVERY_MS, intervalMs / fresh.length)
    for (const [index, target] of fresh.entries()) {
      const state = new TargetHealth(target, initiallyHealthy)
      this.#states.set(target, state)
      this.#schedule(state, index * paceMs)
    }
    if (this.#states.size === targets.length) return
    const present = new Set(targets)
    for (const [target, state] of this.#states) {
      if (present.has(target)) continue
      this.#states.delete(target)
      this.#forget(state)
    }
  }

  #forget(state: TargetHealth): void {
    state.isForgotten = true
    state.next?.cancel()
    state.cancel?.('the target is gone')
  }

  #schedule(state: TargetHealth, delayMs: number): void {
    state.next?.cancel()
    state.isPaused = false
    state.next = this.#services.clock.schedule(Math.max(0, delayMs), () => {
      this.#meet()
      // Goes on when an upstream asks about it again.
      if (state.target.state === 'down') state.isPaused = true
      else void this.#probe(state)
    })
  }

  #nextIntervalMs(): number {
    const { intervalMs, jitter } = this.#policy
    return intervalMs * (1 + jitter * (2 * this.#services.random() - 1))
  }

  /** Probes as soon as there is room; joins the probe that waits or is under way, if there is one. */
  async #probe(state: TargetHealth): Promise<void> {
    state.running ??= this.#probeOnce(state).finally(() => {
      state.running = undefined
    })
    await state.running
  }

  async #probeOnce(state: TargetHealth): Promise<void> {
    const { clock } = this.#services
    const done = await this.#queue.run(state)
    if (done === undefined || state.isForgotten) return
    const hasTurned = state.learn(done.outcome, this.#policy, done.startedAt, clock.now())
    // From beginning to beginning, so that a slow target is not probed more rarely.
    this.#schedule(state, done.startedAt + this.#nextIntervalMs() - clock.now())
    if (hasTurned) this.#hasTurned(state)
  }

  #hasTurned({ target, healthy, problem }: TargetHealth): void {
    if (targetHealthChanged.hasSubscribers) {
      targetHealthChanged.publish({ upstream: this.#services.upstream, target: target.key, healthy, problem })
    }
    this.#services.changed()
  }
}
