/** A pool in parts, each with a balancer of its own: what balancers around others are made of. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type BalancerServices,
  ConfigError,
  type Exchange,
  type Reply,
  roundRobin,
  type Target,
} from '@sluice/core'

/** Some of the targets, and who picks among them. */
export interface Part {
  readonly key: string
  readonly balancer: Balancer
  /** Every target that belongs to it. */
  members: Target[]
  /** The admissible ones. */
  targets: Target[]
}

/** Deals the targets out, and passes on to each part's balancer what concerns it. */
export abstract class PartedBalancer implements Balancer {
  abstract readonly name: string
  protected readonly services: BalancerServices
  readonly #create: BalancerFactory
  readonly #parts = new Map<string, Part>()
  #partOfTarget: ReadonlyMap<Target, Part> = new Map()

  constructor(services: BalancerServices, create: BalancerFactory) {
    this.services = services
    this.#create = create
  }

  abstract pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined

  update(targets: readonly Target[]): void {
    for (const part of this.#parts.values()) {
      part.members = []
      part.targets = []
    }
    const partOfTarget = new Map<Target, Part>()
    for (const target of this.services.targets()) {
      const key = this.partOf(target)
      if (key === undefined) continue
      const part = this.#partNamed(key)
      part.members.push(target)
      partOfTarget.set(target, part)
    }
    for (const target of targets) partOfTarget.get(target)?.targets.push(target)
    this.#partOfTarget = partOfTarget
    // One that has lost its targets stays, empty: they may come back.
    for (const part of this.#parts.values()) part.balancer.update(part.targets)
    this.dealt([...this.#parts.values()])
  }

  began(target: Target, attempt: Attempt): void {
    this.#partOfTarget.get(target)?.balancer.began?.(target, attempt)
  }

  ended(target: Target, attempt: Attempt): void {
    this.#partOfTarget.get(target)?.balancer.ended?.(target, attempt)
  }

  observe(target: Target, attempt: Attempt): void {
    this.#partOfTarget.get(target)?.balancer.observe?.(target, attempt)
  }

  replied(exchange: Exchange, attempt: Attempt, reply: Reply): void {
    this.#partOfTarget.get(attempt.target)?.balancer.replied?.(exchange, attempt, reply)
  }

  /** The key of the part that a target belongs to, by what never changes of it; `undefined` for none. */
  protected abstract partOf(target: Target): string | undefined

  /** The parts are up to date. */
  protected abstract dealt(parts: readonly Part[]): void

  #partNamed(key: string): Part {
    let part = this.#parts.get(key)
    if (part === undefined) {
      const targets = (): readonly Target[] => this.services.targets().filter((target) => this.partOf(target) === key)
      part = { key, balancer: this.#create({ ...this.services, targets }), members: [], targets: [] }
      this.#parts.set(key, part)
    }
    return part
  }
}

/** @throws {ConfigError} where the option is neither missing nor a balancer */
export function innerBalancer(balancer: BalancerFactory | undefined, at: string): BalancerFactory {
  if (balancer === undefined) return roundRobin()
  if (typeof balancer === 'function') return balancer
  throw new ConfigError(at, 'must be a balancer, such as powerOfTwoChoices()')
}

/** The share of a part's configured weight that is admissible, 0 to 1. */
export function healthyShare(part: Part): number {
  const total = part.members.reduce((sum, target) => sum + target.weight, 0)
  return total === 0 ? 0 : weightOf(part.targets) / total
}

/** The configured weight of those that can be picked at all. */
export function weightOf(targets: readonly Target[]): number {
  return targets.reduce((sum, target) => (target.effectiveWeight > 0 ? sum + target.weight : sum), 0)
}
