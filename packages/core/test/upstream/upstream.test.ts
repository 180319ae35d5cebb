import { fakeUpstream, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import {
  type Attempt,
  ConfigError,
  createUpstream,
  type Gate,
  type GateServices,
  roundRobin,
  type Target,
  type TargetConfig,
  type UpstreamOptions,
} from '../../src/index.ts'
import { makeExchange } from '../exchange.ts'

const make = (targets: UpstreamOptions['targets'], options: Partial<UpstreamOptions> = {}) =>
  createUpstream('users', {
    targets,
    transport: fakeUpstream().transport,
    clock: virtualClock(),
    random: () => 0,
    ...options,
  })

const ABC = ['http://a.test', 'http://b.test', 'http://c.test']

/** The hosts of the next picks. */
function picks(upstream: ReturnType<typeof make>, count: number): string {
  const hosts = Array.from({ length: count }, () => upstream.pick(makeExchange())?.url.hostname[0] ?? '-')
  return hosts.join('')
}

describe('createUpstream', () => {
  it.each<[path: string, targets: unknown]>([
    ['targets', []],
    ['targets', undefined],
    ['targets', 'http://a.test'],
    ['targets[0].url', ['a.test']],
    ['targets[0].url', [{}]],
    ['targets[1].url', ['http://a.test', 'ftp://a.test']],
    ['targets[0].url', ['http://a.test/?q']],
    ['targets[0].url', ['http://a.test/#f']],
    ['targets[0].url', ['http://user@a.test']],
    ['targets[0].weight', [{ url: 'http://a.test', weight: -1 }]],
    ['targets[0].weight', [{ url: 'http://a.test', weight: Number.NaN }]],
    ['targets[0].weight', [{ url: 'http://a.test', weight: Number.POSITIVE_INFINITY }]],
    ['targets[0].weight', [{ url: 'http://a.test', weight: '3' }]],
    ['targets[0].state', [{ url: 'http://a.test', state: 'off' }]],
    ['targets[1]', ['http://a.test', 'http://A.test:80/']],
    ['targets[1]', ['http://a.test/x', { url: 'http://a.test/x/', weight: 3 }]],
    [
      'targets[1]',
      [
        { url: 'http://a.test', socketPath: '/s' },
        { url: 'http://b.test', socketPath: '/s' },
      ],
    ],
  ])('refuses with the path %s: %j', (path, targets) => {
    const build = () => make(targets as TargetConfig[])
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `upstreams.users.${path}` }))
  })

  it.each<[path: string, options: object]>([
    ['balancer', { balancer: roundRobin }],
    ['balancer', { balancer: 'round-robin' }],
    ['balancer', { balancer: () => roundRobin() }],
    ['gates', { gates: () => {} }],
    ['gates[0]', { gates: [() => () => {}] }],
    ['gates[0]', { gates: [{}] }],
  ])('refuses with the path %s what is no such part: %o', (path, options) => {
    const build = () => make(ABC, options)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(`upstreams.users.${path}: must be a`)
  })

  it('says what is missing where it is given one object, or a name alone', () => {
    expect(() => createUpstream({ targets: ABC } as never, undefined as never)).toThrow('needs a name')
    expect(() => createUpstream('users', undefined as never)).toThrow('upstreams.users: must be an object')
  })

  it('refuses to be nameless', () => {
    expect(() => createUpstream('', { targets: ABC })).toThrow(expect.objectContaining({ path: 'upstreams' }))
  })

  it('tells targets apart by origin and base path, or by socket', () => {
    const upstream = make([
      'http://a.test',
      'http://a.test/base/',
      'https://a.test',
      { url: 'http://a.test', socketPath: '/s' },
    ])
    expect(upstream.targets.map(({ key, basePath }) => [key, basePath])).toEqual([
      ['http://a.test', ''],
      ['http://a.test/base', '/base'],
      ['https://a.test', ''],
      ['unix:/s', ''],
    ])
  })

  it('gives its state as plain data', () => {
    const upstream = make([ABC[0]!, { url: ABC[1]!, state: 'drain', weight: 0 }])
    const snapshot = upstream.snapshot()
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
    expect(snapshot).toMatchObject({ name: 'users', balancer: { name: 'round-robin', state: undefined }, gates: [] })
    expect(snapshot.targets[0]).toMatchObject({
      key: 'http://a.test',
      state: 'up',
      weight: 1,
      admitted: true,
      reasons: [],
    })
    expect(snapshot.targets[1]).toMatchObject({ admitted: false, reasons: ['its state is "drain"', 'its weight is 0'] })
  })
})

describe('setState', () => {
  it('counts at once', () => {
    const upstream = make(ABC)
    upstream.update('http://b.test', { state: 'drain' })
    expect(picks(upstream, 6)).toMatch(/^(ac){3}$|^(ca){3}$/)
    upstream.update('http://a.test', { state: 'down' })
    expect(picks(upstream, 3)).toBe('ccc')
    upstream.update('http://c.test', { state: 'down' })
    expect(picks(upstream, 2)).toBe('--')
    upstream.update('http://b.test', { state: 'up' })
    expect(picks(upstream, 2)).toBe('bb')
    expect(() => upstream.update('http://x.test', { state: 'up' })).toThrow(RangeError)
  })
})

describe('round robin', () => {
  it('goes round exactly, from where the random number says', () => {
    expect(picks(make(ABC), 7)).toBe('bcabcab')
    expect(picks(make(ABC, { random: () => 0.34 }), 7)).toBe('cabcabc')
    expect(picks(make(ABC, { random: () => 0.999 }), 7)).toBe('abcabca')
  })

  it('leaves out a weight of 0', () => {
    expect(picks(make([ABC[0]!, { url: ABC[1]!, weight: 0 }]), 3)).toBe('aaa')
  })

  it('passes over what an exchange has tried, though it would be next', () => {
    const upstream = make(ABC)
    const exchange = makeExchange()
    const [, b, c] = upstream.targets
    exchange.began({ target: b! } as Attempt)
    expect(upstream.pick(exchange)).toBe(c)
    exchange.began({ target: c! } as Attempt)
    expect(picks(upstream, 1)).toBe('a')
    expect(upstream.pick(exchange)?.key).toBe('http://a.test')
  })

  it('avoids what was tried, and takes it again where nothing else is left', () => {
    const upstream = make(ABC, { balancer: roundRobin() })
    const exchange = makeExchange()
    const order = Array.from({ length: 4 }, () => {
      const target = upstream.pick(exchange)!
      exchange.began({ target } as Attempt)
      return target.url.hostname[0]
    })
    expect(new Set(order.slice(0, 3))).toEqual(new Set(['a', 'b', 'c']))
    expect(order).toHaveLength(4)
    expect(order[3]).toBeDefined()
  })
})

describe('gates', () => {
  /** Keeps targets out by host, and remembers what it is asked and told. */
  class TestGate implements Gate {
    readonly name = 'test'
    readonly out = new Set<string>()
    readonly weights: Record<string, number> = {}
    asked = 0
    closed = 0
    services: GateServices

    constructor(services: GateServices) {
      this.services = services
      services.changed()
    }

    admits(target: Target): boolean {
      this.asked++
      return !this.out.has(target.url.hostname)
    }

    reason(target: Target): string {
      return `${target.url.hostname} is out`
    }

    observe(): void {}

    weight(target: Target): number {
      return this.weights[target.url.hostname] ?? 1
    }

    close(): void {
      this.closed++
    }
  }

  function gated() {
    let gate!: TestGate
    const upstream = make(ABC, { gates: [(services) => (gate = new TestGate(services))] })
    return { upstream, gate }
  }

  it('keep a target out from when they say so, and are not asked per request', () => {
    const { upstream, gate } = gated()
    expect(gate.services.targets()).toBe(upstream.targets)
    gate.out.add('b.test')
    const { asked } = gate
    expect(picks(upstream, 6)).toContain('b')
    expect(gate.asked).toBe(asked)
    gate.services.changed()
    expect(picks(upstream, 6)).not.toContain('b')
    expect(upstream.snapshot().targets[1]).toMatchObject({ admitted: false, reasons: ['b.test is out'] })
    gate.out.clear()
    gate.services.changed()
    expect(picks(upstream, 6)).toContain('b')
  })

  it('scale the weight, all of them together', () => {
    const half = (): Gate => ({ name: 'half', admits: () => true, observe() {}, weight: () => 0.5 })
    const upstream = make([{ url: ABC[0]!, weight: 8 }], { gates: [half, half] })
    expect(upstream.targets[0]!.effectiveWeight).toBe(2)
    const { upstream: other, gate } = gated()
    gate.weights['c.test'] = 0
    gate.services.changed()
    expect(picks(other, 6)).not.toContain('c')
    expect(other.snapshot().targets[2]).toMatchObject({ weight: 1, effectiveWeight: 0, admitted: false })
  })

  it('must all admit', () => {
    const only = (host: string) => (): Gate => ({
      name: host,
      admits: (target) => target.url.hostname !== host,
      observe() {},
    })
    const upstream = make(ABC, { gates: [only('a.test'), only('b.test')] })
    expect(picks(upstream, 3)).toBe('ccc')
    expect(upstream.snapshot().targets[0]!.reasons).toEqual(['not admitted by a.test'])
  })

  it('are closed with the upstream', async () => {
    const first = gated()
    await first.upstream.close()
    const second = gated()
    await second.upstream.destroy()
    expect([first.gate.closed, second.gate.closed]).toEqual([1, 1])
  })
})
