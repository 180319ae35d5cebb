/**
 * A named pool of targets. Gates say which targets are admissible; the list is made anew when one of them, or a target's
 * state, changes, never per request. The balancer then picks from a ready list.
 */
import { type Clock, systemClock } from '@sluice/wire'
import { ConfigError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Random } from '../proxy-settings.ts'
import { systemRandom } from '../system-random.ts'
import type { Transport, TransportStats } from '../transport/transport.ts'
import { wireTransport } from '../transport/wire-transport.ts'
import type { Attempt } from './attempt.ts'
import type { Balancer, BalancerFactory } from './balancer.ts'
import type { Gate, GateFactory } from './gate.ts'
import { roundRobin } from './round-robin.ts'
import { Target, type TargetConfig, type TargetState } from './target.ts'

/** Options of {@link createUpstream}. */
export interface UpstreamOptions {
  /** At least one. A string is short for `{ url }`. */
  readonly targets: readonly (string | TargetConfig)[]
  /** @default roundRobin() */
  readonly balancer?: BalancerFactory
  /** A target is admissible where all of them admit it. @default [] */
  readonly gates?: readonly GateFactory[]
  /** How attempts are carried. @default wireTransport() */
  readonly transport?: Transport
  /** @default systemClock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: Random
}

/** A target's state as plain data. */
export interface TargetSnapshot {
  readonly key: string
  readonly url: string
  readonly state: TargetState
  readonly weight: number
  readonly effectiveWeight: number
  /** Attempts under way. */
  readonly active: number
  /** Whether it may be picked at this moment. */
  readonly admitted: boolean
  /** Why not; empty where it is admitted. */
  readonly reasons: readonly string[]
  readonly connections: TransportStats
}

/** An upstream's state as plain data. */
export interface UpstreamSnapshot {
  readonly name: string
  readonly balancer: string
  readonly gates: readonly string[]
  readonly targets: readonly TargetSnapshot[]
}

/**
 * Makes an upstream. It opens no connection before the first attempt.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: no target, the same one twice, a wrong URL, weight or state
 */
export function createUpstream(name: string, options: UpstreamOptions): Upstream {
  return new Upstream(name, options)
}

const NONE: readonly Attempt[] = Object.freeze([])

export class Upstream {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly #targets: readonly Target[]
  // Until all are made there are none: one that says `changed` while it is made must find a list.
  readonly #gates: readonly Gate[] = []
  readonly #balancer: Balancer

  constructor(name: string, options: UpstreamOptions) {
    const at = `upstreams.${name}`
    if (name === '') throw new ConfigError('upstreams', 'an upstream needs a name')
    this.name = name
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? systemRandom
    this.transport = options.transport ?? wireTransport({ clock: this.clock, random: this.random })
    this.#targets = compileTargets(options.targets, at)
    const services = { upstream: name, clock: this.clock, random: this.random }
    this.#balancer = (options.balancer ?? roundRobin())(services)
    this.#gates = (options.gates ?? []).map((create) =>
      create({ ...services, targets: () => this.#targets, changed: () => this.#refresh() }),
    )
    this.#refresh()
  }

  get targets(): readonly Target[] {
    return this.#targets
  }

  /** One admissible target, not among the earlier attempts' if that can be avoided. */
  pick(exchange: Exchange): Target | undefined {
    const tried = exchange.attempts
    const target = this.#balancer.pick(exchange, tried)
    return target === undefined && tried.length > 0 ? this.#balancer.pick(exchange, NONE) : target
  }

  /** Tells the gates what became of an attempt. */
  observe(attempt: Attempt): void {
    for (const gate of this.#gates) gate.observe(attempt.target, attempt)
  }

  /**
   * Sets a target's state, at once; what is under way there goes on.
   * @throws {RangeError} where there is no such target
   */
  setState(key: string, state: TargetState): void {
    const target = this.#targets.find((each) => each.key === key)
    if (target === undefined) throw new RangeError(`the upstream "${this.name}" has no target "${key}"`)
    target.state = state
    this.#refresh()
  }

  /** The live state as plain data. */
  snapshot(): UpstreamSnapshot {
    return {
      name: this.name,
      balancer: this.#balancer.name,
      gates: this.#gates.map((gate) => gate.name),
      targets: this.#targets.map((target) => {
        const reasons = this.#reasonsAgainst(target)
        return {
          key: target.key,
          url: target.url.href,
          state: target.state,
          weight: target.weight,
          effectiveWeight: target.effectiveWeight,
          active: target.active,
          admitted: reasons.length === 0,
          reasons,
          connections: this.transport.stats(target),
        }
      }),
    }
  }

  /** Ends gates, waits for what is under way, and closes all connections. */
  async close(): Promise<void> {
    for (const gate of this.#gates) gate.close?.()
    await this.transport.close()
  }

  /** Ends gates and closes all connections at once. */
  async destroy(): Promise<void> {
    for (const gate of this.#gates) gate.close?.()
    await this.transport.destroy()
  }

  #refresh(): void {
    const admissible = this.#targets.filter(
      (target) => target.state === 'up' && this.#gates.every((gate) => gate.admits(target)),
    )
    for (const target of this.#targets) {
      target.effectiveWeight = this.#gates.reduce(
        (weight, gate) => weight * (gate.weight?.(target) ?? 1),
        target.weight,
      )
    }
    this.#balancer.update(admissible)
  }

  #reasonsAgainst(target: Target): string[] {
    const reasons = target.state === 'up' ? [] : [`its state is "${target.state}"`]
    if (target.effectiveWeight === 0) reasons.push('its weight is 0')
    for (const gate of this.#gates) {
      if (!gate.admits(target)) reasons.push(gate.reason?.(target) ?? `not admitted by ${gate.name}`)
    }
    return reasons
  }
}

function compileTargets(configs: UpstreamOptions['targets'], at: string): readonly Target[] {
  if (!Array.isArray(configs) || configs.length === 0)
    throw new ConfigError(`${at}.targets`, 'needs at least one target')
  const keys = new Set<string>()
  return configs.map((config, index) => {
    const place = `${at}.targets[${index}]`
    const target = new Target(typeof config === 'string' ? { url: config } : config, place)
    if (keys.has(target.key)) throw new ConfigError(place, `"${target.key}" is there twice`)
    keys.add(target.key)
    return target
  })
}
