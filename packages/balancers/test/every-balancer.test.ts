/** What holds for every balancer, whatever happens to its targets. */
import { type BalancerFactory, mayPick, roundRobin, type TargetConfig } from '@sluice/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ipHash,
  leastConnections,
  maglev,
  peakEwma,
  powerOfTwoChoices,
  preferZone,
  priorities,
  random,
  ringHash,
  stickySessions,
  subset,
  weightedRandom,
  weightedRoundRobin,
} from '../src/index.ts'
import { exchangeOf, Pool, triedAt, type ExchangeInit } from './pool.ts'

const secret = 'a secret of enough characters'
const select = { version: { header: 'x-version' } } as const

const EVERY: readonly [name: string, create: () => BalancerFactory][] = [
  ['round-robin', roundRobin],
  ['weighted round-robin', weightedRoundRobin],
  ['random', random],
  ['weighted random', weightedRandom],
  ['power of two choices', powerOfTwoChoices],
  ['least connections', leastConnections],
  ['peak EWMA', peakEwma],
  ['IP hash', ipHash],
  ['ring hash', () => ringHash({ key: 'client-address', replicas: 7 })],
  ['bounded ring hash', () => ringHash({ key: { header: 'x-version' }, replicas: 7, boundedLoad: 1.25 })],
  ['Maglev', () => maglev({ key: 'path', tableSize: 251 })],
  ['sticky sessions', () => stickySessions({ secret, balancer: powerOfTwoChoices() })],
  ['priorities', () => priorities({ balancer: leastConnections() })],
  ['zone preference', () => preferZone({ zone: 'near', balancer: weightedRoundRobin(), trafficShare: 0.5 })],
  ['subsets', () => subset({ by: ['version'], select, balancer: weightedRandom() })],
  [
    'all of them in each other',
    () =>
      stickySessions({
        secret,
        balancer: subset({
          by: ['version'],
          select,
          balancer: priorities({
            balancer: preferZone({ zone: 'near', balancer: ringHash({ key: 'path', replicas: 5, boundedLoad: 1.25 }) }),
          }),
        }),
      }),
  ],
]

const EXCHANGES = await Promise.all(
  [
    {},
    { address: '2001:db8::1', path: '/a?b=c', headers: { 'x-version': 'v1' } },
    { address: '', path: '/b', headers: { 'x-version': 'v3', cookie: 'sluice-00000000=forged' } },
  ].map(async (init: ExchangeInit) => await exchangeOf(init)),
)

const config: fc.Arbitrary<Partial<TargetConfig>> = fc.record({
  weight: fc.constantFrom(0, 1, 1, 1, 2, 5, 0.25, 700),
  priority: fc.nat(2),
  zone: fc.constantFrom('near', 'far'),
  metadata: fc.constantFrom({}, { version: 'v1' }, { version: 'v2' }),
  maxActive: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
})

const step = fc.record({
  kind: fc.constantFrom('pick', 'pick', 'pick', 'retry', 'end', 'reply', 'state', 'weigh', 'eject', 'remove'),
  index: fc.nat(1000),
  exchange: fc.nat(EXCHANGES.length - 1),
})

describe.each(EVERY)('%s', (_name, create) => {
  it('never picks what may not be picked, and picks something wherever there is something', () => {
    fc.assert(
      fc.property(
        fc.array(config, { minLength: 1, maxLength: 12 }),
        fc.array(step, { maxLength: 60 }),
        (configs, steps) => {
          const pool = new Pool(create(), configs)
          const out = new Set<object>()
          const admit = () => pool.admit((target) => out.has(target))
          for (const { kind, index, exchange } of steps) {
            const target = pool.targets[index % pool.targets.length]!
            if (kind === 'end') {
              if (target.active > 0) pool.end(target)
            } else if (kind === 'reply') pool.report(target, 1 + (index % 50))
            else if (kind === 'state') {
              target.state = (['up', 'drain', 'down'] as const)[index % 3]!
              admit()
            } else if (kind === 'weigh') {
              // As a gate would: between nothing and the configured weight.
              target.effectiveWeight = (target.weight * (index % 5)) / 4
              admit()
            } else if (kind === 'eject') {
              if (!out.delete(target)) out.add(target)
              admit()
            } else if (kind === 'remove' && pool.targets.length > 1) {
              pool.targets = pool.targets.filter((each) => each !== target)
              admit()
            } else {
              const tried = kind === 'retry' ? triedAt(target, pool.targets[(index >> 4) % pool.targets.length]!) : []
              const open = pool.targets.filter(
                (each) => each.state === 'up' && !out.has(each) && each.effectiveWeight > 0 && mayPick(each, tried),
              )
              const picked = pool.begin(tried, EXCHANGES[exchange])
              if (picked !== undefined) picked.active--
              if (open.length === 0) expect(picked).toBeUndefined()
              else expect(open).toContain(picked)
              if (picked !== undefined) picked.active++
            }
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it('has nothing to pick before it is told of any', () => {
    const pool = new Pool(create(), [{}])
    pool.targets = []
    pool.admit()
    for (const exchange of EXCHANGES) expect(pool.pick([], exchange)).toBeUndefined()
  })

  it('reaches every target in time, whoever asks', () => {
    const pool = new Pool(create(), [{ weight: 2 }, {}, {}, {}])
    for (const exchange of EXCHANGES) {
      const reached = new Set<unknown>()
      const tried: NonNullable<ReturnType<typeof pool.pick>>[] = []
      for (let i = 0; i < pool.targets.length; i++) {
        const target = pool.pick(triedAt(...tried), exchange)!
        reached.add(target)
        tried.push(target)
      }
      expect(reached.size).toBe(4)
    }
  })
})
