/** A balancer with real targets and a real exchange, but no upstream around it: picks can be asked for one by one. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type BalancerServices,
  createProxy,
  createUpstream,
  type Exchange,
  type Random,
  Reply,
  type Target,
  type TargetConfig,
} from '@sluice/core'
import { fakeUpstream, seededRandom, virtualClock, type VirtualClock } from '@sluice/testing'
import type { HeaderListInit } from '@sluice/wire'

export interface ExchangeInit {
  readonly path?: string
  readonly headers?: HeaderListInit
  readonly address?: string
}

/** An exchange as an entrance makes it. */
export async function exchangeOf({
  path = '/',
  headers = {},
  address = '192.0.2.1',
}: ExchangeInit = {}): Promise<Exchange> {
  const proxy = createProxy().handle(() => Reply.empty(204))
  const { exchange } = await proxy.inject({ path, headers, peer: { address } })
  return exchange
}

const ANY = await exchangeOf()

export const NONE: readonly Attempt[] = []

export const triedAt = (...targets: readonly Target[]): readonly Attempt[] =>
  targets.map((target) => ({ target }) as Attempt)

export interface PoolOptions {
  readonly random?: Random
  readonly gateAdmits?: (target: Target) => boolean
}

export class Pool {
  readonly clock: VirtualClock = virtualClock()
  readonly balancer: Balancer
  /** All of them. */
  targets: readonly Target[]

  constructor(create: BalancerFactory, configs: readonly Partial<TargetConfig>[], options: PoolOptions = {}) {
    this.targets = makeTargets(configs)
    const services: BalancerServices = {
      upstream: 'pool',
      clock: this.clock,
      random: options.random ?? seededRandom(20_010_203),
      targets: () => this.targets,
      admits: options.gateAdmits ?? (() => true),
    }
    this.balancer = create(services)
    this.admit()
  }

  /** What an upstream does when something has changed. */
  admit(isOut: (target: Target) => boolean = () => false): void {
    this.balancer.update(this.targets.filter((target) => target.state === 'up' && !isOut(target)))
  }

  pick(tried: readonly Attempt[] = NONE, exchange: Exchange = ANY): Target | undefined {
    return this.balancer.pick(exchange, tried)
  }

  /** Picks, and has an attempt begin. */
  begin(tried: readonly Attempt[] = NONE, exchange: Exchange = ANY): Target | undefined {
    const target = this.pick(tried, exchange)
    if (target !== undefined) this.occupy(target)
    return target
  }

  occupy(target: Target): void {
    target.active++
    this.balancer.began?.(target, { target } as Attempt)
  }

  end(target: Target): void {
    target.active--
    this.balancer.ended?.(target, { target } as Attempt)
  }

  /** An attempt that took so long, as far as a balancer sees it. */
  report(target: Target, tookMs: number, result: Partial<Attempt> = { phase: 'replied', status: 200 }): void {
    const now = this.clock.now()
    const times = { startedAt: now - tookMs, headAt: now, endedAt: now }
    this.balancer.observe?.(target, { target, ...times, ...result } as Attempt)
  }

  /** The names of the next picks. */
  names(count: number): string {
    return Array.from({ length: count }, () => nameOf(this.pick())).join('')
  }

  /** How often each is picked, in the order of the targets. */
  counts(count: number, pick: () => Target | undefined = () => this.pick()): number[] {
    const counts = new Map<Target | undefined, number>()
    for (let i = 0; i < count; i++) {
      const target = pick()
      counts.set(target, (counts.get(target) ?? 0) + 1)
    }
    return this.targets.map((target) => counts.get(target) ?? 0)
  }
}

/** Named a, b, c, ... where no URL is given. */
export function makeTargets(configs: readonly Partial<TargetConfig>[]): readonly Target[] {
  const targets = configs.map((config, i) => ({ url: `http://${letter(i)}.test`, ...config }))
  return createUpstream('pool', { targets, transport: fakeUpstream().transport }).targets
}

export function weights(...list: readonly number[]): Partial<TargetConfig>[] {
  return list.map((weight) => ({ weight }))
}

export function equal(count: number): Partial<TargetConfig>[] {
  return Array.from({ length: count }, () => ({}))
}

export function nameOf(target: Target | undefined): string {
  return target === undefined ? '-' : target.url.hostname.replace('.test', '')
}

function letter(i: number): string {
  return i < 26 ? String.fromCharCode(97 + i) : `t${i}`
}
