import { describe, expect, it } from 'vitest'
import { targetsOfAddresses, targetsOfServices } from '../../src/upstream/dns-records.ts'
import { Target } from '../../src/upstream/target.ts'

const form = { scheme: 'http', port: 8080, basePath: '', weight: 1 } as const

const service = (name: string, weight: number, priority = 0, port = 80) => ({ name, weight, priority, port })

describe('targets of addresses', () => {
  it('have the scheme, the port, the base path and the weight, with IPv6 in brackets', () => {
    const targets = targetsOfAddresses(['10.0.0.2', '2001:db8::1'], {
      scheme: 'https',
      port: 8443,
      basePath: '/api',
      weight: 3,
    })
    expect(targets).toEqual([
      { url: 'https://10.0.0.2:8443/api', weight: 3 },
      { url: 'https://[2001:db8::1]:8443/api', weight: 3 },
    ])
    expect(targets.map((config) => new Target(config, 'at').key)).toEqual(targets.map(({ url }) => url))
  })

  it('stand in one order however the answer turns, each once', () => {
    const addresses = ['10.0.0.3', '10.0.0.1', '10.0.0.2', '10.0.0.1']
    const targets = targetsOfAddresses(addresses, form)
    expect(targets).toHaveLength(3)
    expect(targetsOfAddresses(addresses.toReversed(), form)).toEqual(targets)
  })
})

describe('targets of services', () => {
  it('keep name, port, priority and weight', () => {
    const records = [service('B.test.', 30, 20, 81), service('a.test', 10, 10, 82)]
    expect(targetsOfServices(records, { ...form, basePath: '/x' })).toEqual([
      { url: 'http://a.test:82/x', weight: 10, priority: 10 },
      { url: 'http://b.test:81/x', weight: 30, priority: 20 },
    ])
  })

  it('stand in one order however the answer turns', () => {
    const records = [service('b.test', 1), service('a.test', 2, 5), service('a.test', 3, 0, 81), service('a.test', 3)]
    const urls = targetsOfServices(records, form).map(({ url }) => url)
    expect(urls).toEqual(['http://a.test:80', 'http://a.test:81', 'http://b.test:80'])
    expect(targetsOfServices(records.toReversed(), form).map(({ url }) => url)).toEqual(urls)
  })

  it.each([
    ['all 0: evenly', [0, 0, 0], [1, 1, 1]],
    ['one 0 beside others: 1, as RFC 2782 draws', [0, 10, 20], [1, 10, 20]],
    ['several 0 beside others: 1 between them', [0, 0, 10], [0.5, 0.5, 10]],
  ])('weigh, where the records weigh %s', (_, weights, expected) => {
    const records = weights.map((weight, index) => service(`${index}.test`, weight))
    // Those of another priority are another lottery.
    const others = [service('x.test', 7, 1), service('y.test', 0, 2)]
    const targets = targetsOfServices([...records, ...others], form)
    expect(targets.map(({ weight }) => weight)).toEqual([...expected, 7, 1])
  })

  it('count a place that is named twice once, with its best priority', () => {
    const records = [service('a.test', 5, 1), service('A.test.', 9, 0), service('a.test', 2, 0)]
    expect(targetsOfServices(records, form)).toEqual([{ url: 'http://a.test:80', weight: 9, priority: 0 }])
  })

  it('are none where the service is said not to exist', () => {
    expect(targetsOfServices([service('.', 0)], form)).toEqual([])
    expect(targetsOfServices([service('', 0)], form)).toEqual([])
  })

  it.each(['user@evil.test', 'evil.test/path', 'evil.test:1', 'a b.test', 'a..test#', '-a.test', '[::1]'])(
    'are refused where one is named %s',
    (name) => {
      expect(() => targetsOfServices([service('a.test', 1), service(name, 1)], form)).toThrow(RangeError)
    },
  )
})
