/**
 * A named pool of targets. Gates say which targets are admissible; the list is made anew when one of them, or a target's
 * state, changes, never per request. The balancer then picks from a ready list.
 */
import { type Clock, systemClock } from '@sluice/wire'
import { ConfigError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Random } from '../proxy-settings.ts'
import type { Reply } from '../reply.ts'
import { systemRandom } from '../system-random.ts'
import type { Transport } from '../transport/transport.ts'
import { wireTransport } from '../transport/wire-transport.ts'
import { Admission } from './admission.ts'
import type { Attempt } from './attempt.ts'
import type { Balancer } from './balancer.ts'
import { Departures } from './departures.ts'
import { GateRow } from './gate-row.ts'
import type { Gate, GateFactory } from './gate.ts'
import { madeBalancer, madeSource } from './made-parts.ts'
import { type PendingExchange, PendingQueue } from './pending-queue.ts'
import { RetryBudget } from './retry-budget.ts'
import { roundRobin } from './round-robin.ts'
import { changeTargets, type TargetListChange } from './target-list.ts'
import type { RunningTargetSource } from './target-source.ts'
import { Target, type TargetChange, type TargetConfig } from './target.ts'
import type { TargetSnapshot, UpstreamOptions, UpstreamSnapshot } from './upstream-options.ts'
import { resolveUpstreamOptions, type UpstreamPlan } from './upstream-plan.ts'

/**
 * Makes an upstream. It opens no connection before the first attempt, unless its transport keeps some ready.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: no target, the same one twice, a wrong URL, weight, state or number
 */
export function createUpstream(name: string, options: UpstreamOptions): Upstream {
  return new Upstream(name, options)
}

const NONE: readonly Attempt[] = Object.freeze([])
const NO_GATES: readonly GateFactory[] = []

export class Upstream {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  /** What attempts beyond the first draw from, where the exchange has no budget of its own. */
  readonly retryBudget: RetryBudget
  /** Defaults for `forward`. */
  readonly timeouts: Pick<UpstreamOptions, 'headTimeoutMs' | 'bodyIdleTimeoutMs' | 'totalTimeoutMs'>
  readonly #at: string
  readonly #plan: UpstreamPlan
  readonly #queue: PendingQueue
  readonly #gates: GateRow
  readonly #admission: Admission
  readonly #balancer: Balancer
  readonly #source: RunningTargetSource | undefined
  readonly #departures = new Departures()
  #targets: readonly Target[] = []
  #active = 0

  constructor(name: string, options: UpstreamOptions) {
    const at = `upstreams.${name}`
    if (typeof name !== 'string' || name === '') throw new ConfigError('upstreams', 'an upstream needs a name')
    this.name = name
    this.#at = at
    this.#plan = resolveUpstreamOptions(options, at)
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? systemRandom
    this.retryBudget = new RetryBudget(options.retryBudget, `${at}.retryBudget`)
    this.timeouts = options
    this.#queue = new PendingQueue(this.clock, this.#plan.queue)
    this.transport = options.transport ?? wireTransport({ clock: this.clock, random: this.random })
    this.#targets = this.#changed(this.#plan.targets).targets
    const services = { upstream: name, clock: this.clock, random: this.random, targets: () => this.#targets }
    this.#balancer = madeBalancer(options.balancer ?? roundRobin(), `${at}.balancer`, {
      ...services,
      admits: (target) => this.#admission.isPanicking || this.#gates.admits(target),
    })
    const gates = {
      ...services,
      changed: (target?: Target) => (target === undefined ? this.#refresh() : this.#reconsider(target)),
    }
    this.#gates = new GateRow(options.gates ?? NO_GATES, gates, `${at}.gates`)
    this.#admission = new Admission(this.#gates, this.#plan.panicThreshold)
    this.#refresh()
    if (typeof options.targets === 'function') {
      this.#source = madeSource(options.targets, `${at}.targets`, {
        ...services,
        replace: (list) => this.replace(list),
      })
    }
  }

  get targets(): readonly Target[] {
    return this.#targets
  }

  get gates(): readonly Gate[] {
    return this.#gates.list
  }

  /** Attempts under way. */
  get active(): number {
    return this.#active
  }

  /** One admissible target, not among the earlier attempts' if that can be avoided. */
  pick(exchange: Exchange): Target | undefined {
    if (this.#active >= this.#plan.maxActive) return undefined
    const tried = exchange.attempts
    const target = this.#balancer.pick(exchange, tried)
    return target === undefined && tried.length > 0 ? this.#balancer.pick(exchange, NONE) : target
  }

  /** Whether there are targets that could be picked, were they not busy. */
  get isBusy(): boolean {
    return this.#admission.admissible.some((target) => target.effectiveWeight > 0)
  }

  /** Where exchanges wait for a place. */
  get queue(): { enter(waiting: PendingExchange): boolean; leave(waiting: PendingExchange): void } {
    return this.#queue
  }

  /** In how many milliseconds a target will be admitted again, where a gate knows. */
  get admitsAgainInMs(): number | undefined {
    let soonest = Number.POSITIVE_INFINITY
    for (const target of this.#targets) {
      if (target.state !== 'up' || target.weight === 0) continue
      soonest = Math.min(soonest, this.#gates.admitAgainAt(target))
    }
    return soonest === Number.POSITIVE_INFINITY ? undefined : Math.max(0, soonest - this.clock.now())
  }

  /** @internal An attempt is about to be sent. */
  began(attempt: Attempt): void {
    const { target } = attempt
    target.active++
    this.#active++
    this.#balancer.began?.(target, attempt)
    this.#gates.began(attempt)
  }

  /** @internal Tells gates and balancer what became of an attempt. */
  observe(attempt: Attempt): void {
    this.#balancer.observe?.(attempt.target, attempt)
    this.#gates.observe(attempt)
  }

  /** @internal The reply goes on. */
  replied(exchange: Exchange, attempt: Attempt, reply: Reply): void {
    this.#balancer.replied?.(exchange, attempt, reply)
  }

  /** @internal An attempt is over. */
  ended(attempt: Attempt): void {
    const { target } = attempt
    target.active--
    this.#active--
    this.#balancer.ended?.(target, attempt)
    this.#gates.ended(attempt)
  }

  /** @internal An attempt is over, and its exchange has no further one for its place. */
  vacated(target: Target): void {
    this.#departures.vacated(target)
    if (this.#queue.size > 0) this.#queue.serve()
  }

  /**
   * Adds a target.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` where it is wrong, or there already
   */
  add(config: string | TargetConfig): Target {
    const at = `${this.#at}.targets[${this.#targets.length}]`
    const target = new Target(typeof config === 'string' ? { url: config } : config, at, this.#plan.maxActivePerTarget)
    if (this.#targets.some(({ key }) => key === target.key)) throw new ConfigError(at, `"${target.key}" is there twice`)
    this.#adopt({ targets: [...this.#targets, target], removed: [] })
    return target
  }

  /**
   * Changes a target's state, weight or limit, at once; what is under way there goes on, and others are not touched.
   * @throws {RangeError} where there is no such target
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` for a wrong value; nothing has changed then
   */
  update(key: string, change: TargetChange): void {
    this.#targetOf(key).change(change, `${this.#at}.targets["${key}"]`)
    this.#refresh()
  }

  /**
   * Gives a target nothing new. Resolves when nothing is under way there, and its connections are closed.
   * @throws {RangeError} where there is no such target
   */
  async drain(key: string): Promise<void> {
    const target = this.#targetOf(key)
    this.update(key, { state: 'drain' })
    await this.#departures.whenEmpty(target)
    if (target.state === 'drain') this.transport.forget?.(target)
  }

  /**
   * Takes a target out. What is under way there goes on; resolves when that has ended and its connections are closed.
   * @throws {RangeError} where there is no such target
   */
  async remove(key: string): Promise<void> {
    const target = this.#targetOf(key)
    const rest = this.#targets.filter((each) => each !== target)
    this.#adopt({ targets: rest, removed: [target] })
    await this.#departures.whenEmpty(target)
  }

  /**
   * These are the targets from now on. Those that stay keep their state, connections and counters; those that are gone
   * finish what they have.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` where one is wrong; nothing has changed then
   */
  replace(configs: readonly (string | TargetConfig)[]): void {
    this.#adopt(this.#changed(configs))
  }

  /** The live state as plain data. */
  snapshot(): UpstreamSnapshot {
    return {
      name: this.name,
      balancer: { name: this.#balancer.name, state: this.#balancer.snapshot?.() },
      gates: this.#gates.snapshot(),
      active: this.#active,
      pending: this.#queue.size,
      isPanicking: this.#admission.isPanicking,
      source: this.#source?.snapshot?.(),
      targets: [...this.#targets, ...this.#departures.leaving].map((target) => this.#describe(target)),
    }
  }

  /** Ends gates, waits for what is under way, and closes all connections. */
  async close(): Promise<void> {
    this.#stop()
    await this.transport.close()
  }

  /** Ends gates and closes all connections at once. */
  async destroy(): Promise<void> {
    this.#stop()
    await this.transport.destroy()
  }

  #stop(): void {
    this.#source?.close()
    this.#gates.close()
  }

  #changed(configs: readonly (string | TargetConfig)[]): TargetListChange {
    return changeTargets(this.#targets, configs, `${this.#at}.targets`, this.#plan.maxActivePerTarget)
  }

  #adopt({ targets, removed }: TargetListChange): void {
    this.#targets = targets
    for (const target of removed) void this.#departures.letGo(target, () => this.transport.forget?.(target))
    this.#refresh()
  }

  #refresh(): void {
    // A gate that says `changed` while it is made: nothing was asked yet.
    if (this.#admission === undefined) return
    this.#admission.refresh(this.#targets)
    this.#apply(this.#targets)
  }

  #reconsider(target: Target): void {
    if (this.#admission === undefined) return
    if (this.#admission.reconsider(target)) this.#apply([target])
  }

  #apply(changed: readonly Target[]): void {
    const { admissible } = this.#admission
    this.#balancer.update(admissible)
    if (this.transport.warmUp !== undefined) {
      for (const target of changed)
        if (target.state === 'up' && this.#gates.admits(target)) this.transport.warmUp(target)
    }
    if (this.#queue.size > 0) this.#queue.serve()
  }

  #targetOf(key: string): Target {
    const target = this.#targets.find((each) => each.key === key)
    if (target === undefined) throw new RangeError(`the upstream "${this.name}" has no target "${key}"`)
    return target
  }

  #describe(target: Target): TargetSnapshot {
    const isLeaving = this.#departures.leaving.has(target)
    const reasons = isLeaving ? ['it was removed'] : this.#reasonsAgainst(target)
    return {
      key: target.key,
      url: target.url.href,
      state: target.state,
      isLeaving,
      weight: target.weight,
      effectiveWeight: target.effectiveWeight,
      active: target.active,
      admitted: reasons.length === 0,
      reasons,
      connections: this.transport.stats(target),
    }
  }

  #reasonsAgainst(target: Target): string[] {
    const reasons = target.state === 'up' ? [] : [`its state is "${target.state}"`]
    if (target.effectiveWeight === 0) reasons.push('its weight is 0')
    if (target.active >= target.maxActive) reasons.push(`${target.active} attempts are under way, its limit`)
    return this.#admission.isPanicking ? reasons : [...reasons, ...this.#gates.reasonsAgainst(target)]
  }
}
