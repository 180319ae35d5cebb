/** What balancers around others owe to those within: every call that concerns them, and only their own targets. */
import type { Attempt, Balancer, BalancerFactory, BalancerServices, Exchange, Reply, Target } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { preferZone, priorities, stickySessions, subset } from '../src/index.ts'
import { exchangeOf, nameOf, Pool } from './pool.ts'

/** Takes the first, and writes down what it is told. */
class Listening implements Balancer {
  readonly name = 'listening'
  readonly services: BalancerServices
  readonly heard: string[] = []
  targets: readonly Target[] = []

  constructor(services: BalancerServices) {
    this.services = services
  }

  update(targets: readonly Target[]): void {
    this.targets = targets
  }

  pick(): Target | undefined {
    return this.targets[0]
  }

  began(target: Target): void {
    this.heard.push(`began ${nameOf(target)}`)
  }

  ended(target: Target): void {
    this.heard.push(`ended ${nameOf(target)}`)
  }

  observe(target: Target): void {
    this.heard.push(`observe ${nameOf(target)}`)
  }

  replied(_exchange: Exchange, attempt: Attempt): void {
    this.heard.push(`replied ${nameOf(attempt.target)}`)
  }
}

const names = (targets: readonly Target[]) => targets.map(nameOf).join('')

/** a, b belong together in every way, and so do c, d. */
const CONFIGS = [0, 0, 1, 1].map((priority) => ({
  priority,
  zone: priority === 0 ? 'near' : 'far',
  metadata: { version: `v${priority}` },
}))

const secret = 'a secret of enough characters'
const select = { version: { header: 'x-version' } } as const

describe.each<[name: string, create: (balancer: BalancerFactory) => BalancerFactory, parts: readonly string[]]>([
  ['priorities', (balancer) => priorities({ balancer }), ['ab', 'cd']],
  ['zone preference', (balancer) => preferZone({ zone: 'near', balancer }), ['ab', 'cd']],
  ['subsets', (balancer) => subset({ by: ['version'], select, balancer }), ['abcd', 'ab', 'cd']],
  [
    'subsets without a fallback',
    (balancer) => subset({ by: ['version'], select, fallback: 'none', balancer }),
    ['ab', 'cd'],
  ],
  ['sticky sessions', (balancer) => stickySessions({ secret, balancer }), ['abcd']],
])('%s', (_name, create, parts) => {
  const make = () => {
    const within: Listening[] = []
    const pool = new Pool(
      create((services) => {
        const balancer = new Listening(services)
        within.push(balancer)
        return balancer
      }),
      CONFIGS,
    )
    return { pool, within }
  }

  it('gives each balancer within its own targets, those that are out included', () => {
    const { pool, within } = make()
    expect(within.map(({ targets }) => names(targets))).toEqual(parts)
    pool.targets[1]!.state = 'drain'
    pool.admit((target) => target === pool.targets[2])
    expect(within.map(({ targets }) => names(targets))).toEqual(parts.map((part) => part.replaceAll(/[bc]/g, '')))
    expect(within.map(({ services }) => names(services.targets()))).toEqual(parts)
  })

  it('tells those that know the target what happens there', async () => {
    const { pool, within } = make()
    const reply = { headers: { append() {} } } as unknown as Reply
    const exchange = await exchangeOf()
    for (const target of [pool.targets[1]!, pool.targets[2]!]) {
      pool.occupy(target)
      pool.report(target, 10)
      pool.balancer.replied?.(exchange, { target } as Attempt, reply)
      pool.end(target)
    }
    const expected = parts.map((part) =>
      ['b', 'c']
        .filter((name) => part.includes(name))
        .flatMap((name) => ['began', 'observe', 'replied', 'ended'].map((event) => `${event} ${name}`)),
    )
    expect(within.map(({ heard }) => heard)).toEqual(expected)
  })

  it('tells nobody of a target that is gone', () => {
    const { pool, within } = make()
    const gone = pool.targets[0]!
    pool.occupy(gone)
    pool.targets = pool.targets.slice(1)
    pool.admit()
    expect(() => pool.end(gone)).not.toThrow()
    expect(within.some(({ targets }) => targets.includes(gone))).toBe(false)
  })
})
