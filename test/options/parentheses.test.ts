/** A part without its parentheses is refused where it stands, when the gateway is built; also one that would take its services for options. */
import { maglev, peakEwma, powerOfTwoChoices } from '@sluice/balancers'
import { httpCache, memoryStore, tieredStore } from '@sluice/cache'
import { ConfigError, createUpstream, dnsTargets } from '@sluice/core'
import { activeHealth, slowStart } from '@sluice/resilience'
import { expect, it } from 'vitest'

const TARGETS = ['http://127.0.0.1:9']
const upstream = (options: object): unknown => createUpstream('users', { targets: TARGETS, ...options })
const tiered = (stores: object): unknown =>
  httpCache({ store: tieredStore({ memory: memoryStore(), behind: memoryStore(), ...stores }) })

it.each<readonly [place: string, make: () => unknown, wanted: string]>([
  ['upstreams.users.balancer', () => upstream({ balancer: powerOfTwoChoices }), 'a balancer, such as roundRobin()'],
  ['upstreams.users.balancer', () => upstream({ balancer: peakEwma }), 'a balancer, such as roundRobin()'],
  ['upstreams.users.balancer', () => upstream({ balancer: maglev }), 'a balancer, such as roundRobin()'],
  ['upstreams.users.balancer', () => upstream({ balancer: 'maglev' }), 'a balancer, such as roundRobin()'],
  ['upstreams.users.gates[0]', () => upstream({ gates: [slowStart] }), 'a gate, such as activeHealth()'],
  ['upstreams.users.gates[0]', () => upstream({ gates: [activeHealth] }), 'a gate, such as activeHealth()'],
  ['upstreams.users.targets', () => upstream({ targets: dnsTargets }), 'a source of targets, such as dnsTargets('],
  ['httpCache.store', () => httpCache({ store: memoryStore as never }), 'a store, such as memoryStore()'],
  ['tieredStore.memory', () => tiered({ memory: memoryStore }), 'a store, such as memoryStore()'],
  ['tieredStore.behind', () => tiered({ behind: memoryStore }), 'a store, such as memoryStore()'],
])('%s', (place, make, wanted) => {
  expect(make).toThrow(`${place}: must be ${wanted}`)
})

it('what a part says of its own options is passed on', () => {
  const balancer = (): never => {
    throw new ConfigError('mine.seed', 'must be odd')
  }
  expect(() => upstream({ balancer })).toThrow('mine.seed: must be odd')
})
