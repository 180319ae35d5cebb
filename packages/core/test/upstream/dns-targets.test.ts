import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fakeUpstream, seededRandom, virtualClock, waitFor } from '@sluice/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ConfigError,
  createProxy,
  createUpstream,
  type DiscoveryFailed,
  discoveryFailed,
  dnsTargets,
  type DnsTargetsOptions,
  type DnsTargetsSnapshot,
  type Gate,
  type Upstream,
} from '../../src/index.ts'
import { type DnsAnswer, type DnsResponder, dnsResponder } from './dns-responder.ts'

let responder: DnsResponder
const upstreams: Upstream[] = []

beforeEach(async () => {
  responder = await dnsResponder()
})

afterEach(async () => {
  await Promise.all(upstreams.splice(0).map(async (each) => await each.destroy()))
  await responder.close()
})

const A = (...addresses: string[]): DnsAnswer => addresses.map((address) => ({ address, ttl: 30 }))

function setUp(answers: Record<string, DnsAnswer>, options: Partial<DnsTargetsOptions> = {}, random = () => 0) {
  Object.assign(responder.answers, answers)
  const clock = virtualClock()
  const entered: string[] = []
  const gate = (): Gate => ({
    name: 'test',
    admits: () => true,
    observe() {},
    entered: ({ key }) => void entered.push(key),
  })
  const fake = fakeUpstream(undefined, { clock })
  const upstream = createUpstream('users', {
    targets: dnsTargets({ hostname: 'users.test', nameservers: [responder.address], port: 8080, ...options }),
    transport: fake.transport,
    gates: [gate],
    clock,
    random,
  })
  upstreams.push(upstream)
  const state = () => upstream.snapshot().source as DnsTargetsSnapshot
  return {
    clock,
    upstream,
    entered,
    state,
    keys: () => upstream.targets.map(({ key }) => key),
    /** Until the question under way is answered, or has failed. */
    settled: async () => await waitFor(() => state().nextRefreshAt !== undefined),
    /** Lets time pass to the next question, and that be answered. */
    refresh: async (ms: number) => {
      const before = responder.questions.length
      clock.advance(ms)
      await waitFor(() => responder.questions.length > before)
      await waitFor(() => state().nextRefreshAt !== undefined)
    },
  }
}

/** What was published while the function ran. */
async function failuresDuring(run: () => Promise<void>): Promise<DiscoveryFailed[]> {
  const failures: DiscoveryFailed[] = []
  const listener = (failure: DiscoveryFailed) => void failures.push(failure)
  discoveryFailed.subscribe(listener)
  await run().finally(() => discoveryFailed.unsubscribe(listener))
  return failures
}

describe('the answer of a name server', () => {
  it('becomes targets: one for each A record', async () => {
    const { keys, settled, upstream } = setUp({ 'A users.test': A('10.0.0.2', '10.0.0.1') }, { weight: 2 })
    expect(keys()).toEqual([])
    await settled()
    expect(keys()).toEqual(['http://10.0.0.1:8080', 'http://10.0.0.2:8080'])
    expect(upstream.targets.map(({ weight }) => weight)).toEqual([2, 2])
    expect(responder.questions).toEqual(['A users.test'])
  })

  it('becomes targets: AAAA, in brackets, with the port of the scheme', async () => {
    const { keys, settled } = setUp(
      { 'AAAA users.test': A('2001:db8::7') },
      { type: 'AAAA', scheme: 'https', port: undefined as never, basePath: '/api' },
    )
    await settled()
    expect(keys()).toEqual(['https://[2001:db8::7]/api'])
  })

  it('becomes targets: both families, also where there is but one', async () => {
    const both = setUp({ 'A users.test': A('10.0.0.1'), 'AAAA users.test': A('2001:db8::7') }, { type: 'A+AAAA' })
    await both.settled()
    expect(both.keys()).toEqual(['http://10.0.0.1:8080', 'http://[2001:db8::7]:8080'])
    responder.answers['AAAA users.test'] = []
    await both.refresh(30_000)
    expect(both.keys()).toEqual(['http://10.0.0.1:8080'])
    expect(both.state().lastError).toBeUndefined()
  })

  it('becomes targets: SRV, by name, with port, priority and weight', async () => {
    const { upstream, settled } = setUp(
      {
        'SRV _http._tcp.users.test': [
          { name: 'b.test', port: 81, priority: 1, weight: 0 },
          { name: 'a.test', port: 82, priority: 0, weight: 30 },
          { name: 'c.test', port: 83, priority: 0, weight: 0 },
        ],
      },
      { hostname: '_http._tcp.users.test', type: 'SRV', port: undefined as never },
    )
    await settled()
    expect(upstream.targets.map(({ key, priority, weight }) => [key, priority, weight])).toEqual([
      ['http://a.test:82', 0, 30],
      ['http://c.test:83', 0, 1],
      ['http://b.test:81', 1, 1],
    ])
  })

  it('is where requests go', async () => {
    const { upstream, settled } = setUp({ 'A users.test': A('10.0.0.1') })
    const proxy = createProxy().forward(upstream)
    expect((await proxy.inject()).status).toBe(503)
    await settled()
    const reply = await proxy.inject()
    expect(reply.status).toBe(200)
    expect(reply.exchange.attempts[0]!.target.key).toBe('http://10.0.0.1:8080')
  })

  it('is what the upstream begins with: its targets do not count as new, those of later answers do', async () => {
    const { entered, settled, refresh } = setUp({ 'A users.test': A('10.0.0.1', '10.0.0.2') })
    await settled()
    expect(entered).toEqual([])
    responder.answers['A users.test'] = A('10.0.0.1', '10.0.0.3')
    await refresh(30_000)
    expect(entered).toEqual(['http://10.0.0.3:8080'])
  })
})

describe('the next question', () => {
  it.each([
    ['by the lowest TTL', [30, 7, 60], 7_000],
    ['no sooner than minTtlMs', [0], 2_000],
    ['at the latest after maxTtlMs', [86_400], 40_000],
  ])('is asked %s', async (_, ttls, expected) => {
    const records = ttls.map((ttl, index) => ({ address: `10.0.0.${index}`, ttl }))
    const { clock, settled, state } = setUp({ 'A users.test': records }, { minTtlMs: 2_000, maxTtlMs: 40_000 })
    await settled()
    expect(state().nextRefreshAt).toBe(clock.wallTime() + expected)
    clock.advance(expected - 1)
    expect([clock.pending, responder.questions.length]).toEqual([1, 1])
    clock.advance(1)
    await waitFor(() => responder.questions.length === 2)
  })

  it('takes the lower TTL of two families', async () => {
    const { clock, settled, state } = setUp(
      { 'A users.test': [{ address: '10.0.0.1', ttl: 50 }], 'AAAA users.test': [{ address: '::7', ttl: 20 }] },
      { type: 'A+AAAA' },
    )
    await settled()
    expect(state().nextRefreshAt).toBe(clock.wallTime() + 20_000)
  })

  it('is put off by chance, by a tenth at most', async () => {
    const delays = new Set<number>()
    const random = seededRandom(7)
    for (let i = 0; i < 4; i++) {
      const { clock, settled, state } = setUp({ 'A users.test': A('10.0.0.1') }, {}, random)
      await settled()
      delays.add(state().nextRefreshAt! - clock.wallTime())
    }
    expect(delays.size).toBe(4)
    for (const delay of delays) {
      expect(delay).toBeGreaterThanOrEqual(30_000)
      expect(delay).toBeLessThanOrEqual(33_000)
    }
  })

  it('is asked every refreshMs for services, whose answers have no TTL', async () => {
    const srv: DnsAnswer = [{ name: 'a.test', port: 81, priority: 0, weight: 1 }]
    const { clock, settled, state } = setUp(
      { 'SRV users.test': srv },
      { type: 'SRV', port: undefined as never, refreshMs: 90_000 },
    )
    await settled()
    expect(state().nextRefreshAt).toBe(clock.wallTime() + 90_000)
  })
})

describe('targets that stay', () => {
  it('keep their state, their counters and themselves; those that go finish what they have', async () => {
    const { upstream, settled, refresh, keys } = setUp({ 'A users.test': A('10.0.0.1', '10.0.0.2', '10.0.0.3') })
    await settled()
    const [first, second] = upstream.targets
    first!.active = 3
    second!.active = 1
    upstream.update(first!.key, { state: 'drain' })
    responder.answers['A users.test'] = A('10.0.0.4', '10.0.0.1')
    await refresh(30_000)
    expect(keys()).toEqual(['http://10.0.0.1:8080', 'http://10.0.0.4:8080'])
    expect(upstream.targets[0]).toBe(first)
    expect(first).toMatchObject({ state: 'drain', active: 3 })
    expect(upstream.snapshot().targets.find(({ key }) => key === second!.key)).toMatchObject({ isLeaving: true })
  })

  it('keep what was set by hand as long as the answer is the same', async () => {
    const { upstream, settled, refresh } = setUp({ 'A users.test': A('10.0.0.1', '10.0.0.2') })
    await settled()
    upstream.update('http://10.0.0.1:8080', { weight: 5 })
    responder.answers['A users.test'] = A('10.0.0.2', '10.0.0.1')
    await refresh(30_000)
    expect(upstream.targets[0]!.weight).toBe(5)
    responder.answers['A users.test'] = A('10.0.0.1')
    await refresh(30_000)
    expect(upstream.targets[0]!.weight).toBe(1)
  })
})

describe('a failure', () => {
  it.each<[what: string, answer: DnsAnswer, message: RegExp]>([
    ['SERVFAIL', 'servfail', /ESERVFAIL/],
    ['NXDOMAIN', 'nxdomain', /there are no A records of users\.test/],
    ['NODATA', [], /there are no A records of users\.test/],
  ])('(%s) leaves the last good list, is told, and asked again with growing pauses', async (_, answer, message) => {
    const { settled, refresh, keys, state, clock } = setUp(
      { 'A users.test': A('10.0.0.1') },
      { minTtlMs: 2_000, maxTtlMs: 10_000 },
    )
    await settled()
    const { lastSuccessAt } = state()
    responder.answers['A users.test'] = answer
    let wait = 10_000
    const failures = await failuresDuring(async () => {
      for (const next of [2_000, 4_000, 8_000, 10_000, 10_000]) {
        await refresh(wait)
        expect(state().nextRefreshAt! - clock.wallTime()).toBe(next)
        wait = next
      }
    })
    expect(keys()).toEqual(['http://10.0.0.1:8080'])
    expect(state()).toMatchObject({ lastSuccessAt, targets: 1 })
    expect(state().lastError).toMatchObject({ at: clock.wallTime() })
    expect(state().lastError!.message).toMatch(message)
    expect(failures.map(({ retryInMs }) => retryInMs)).toEqual([2_000, 4_000, 8_000, 10_000, 10_000])
    expect(failures[0]).toMatchObject({ upstream: 'users', name: 'users.test' })
    responder.answers['A users.test'] = A('10.0.0.9')
    await refresh(10_000)
    expect(keys()).toEqual(['http://10.0.0.9:8080'])
    // It begins anew: the next failure is the first.
    responder.answers['A users.test'] = answer
    await refresh(10_000)
    expect(state().nextRefreshAt! - clock.wallTime()).toBe(2_000)
  })

  it('of a name server that says nothing comes after timeoutMs, by the clock', async () => {
    const { clock, settled, state, keys } = setUp({ 'A users.test': 'silence' }, { timeoutMs: 3_000 })
    await waitFor(() => responder.questions.length === 1)
    clock.advance(2_999)
    expect(state().lastError).toBeUndefined()
    clock.advance(1)
    await settled()
    expect(state().lastError).toEqual({ at: clock.wallTime(), message: 'no answer within 3000 ms' })
    expect(keys()).toEqual([])
    responder.answers['A users.test'] = A('10.0.0.1')
    clock.advance(1_000)
    await waitFor(() => keys().length === 1)
    expect(clock.pending).toBe(1)
  })

  it('of one family leaves its addresses, and takes the other one’s', async () => {
    const { settled, refresh, keys, state, clock } = setUp(
      { 'A users.test': A('10.0.0.1'), 'AAAA users.test': A('2001:db8::7') },
      { type: 'A+AAAA' },
    )
    await settled()
    responder.answers['A users.test'] = A('10.0.0.2')
    responder.answers['AAAA users.test'] = 'servfail'
    await refresh(30_000)
    expect(keys()).toEqual(['http://10.0.0.2:8080', 'http://[2001:db8::7]:8080'])
    expect(state().nextRefreshAt! - clock.wallTime()).toBe(1_000)
    expect(state().lastError!.message).toMatch(/ESERVFAIL/)
  })

  it('is a record that no target can be made of', async () => {
    const options = { type: 'SRV', port: undefined as never } as const
    const good = { name: 'a.test', port: 81, priority: 0, weight: 1 }
    const { settled, refresh, keys, state } = setUp({ 'SRV users.test': [good] }, options)
    await settled()
    responder.answers['SRV users.test'] = [{ ...good, name: 'user@evil' }]
    await refresh(30_000)
    expect(keys()).toEqual(['http://a.test:81'])
    expect(state().lastError).toBeDefined()
  })

  it('with emptyAnswer "clear" is no answer without records: the list is empty then', async () => {
    const { settled, refresh, keys, state, clock, entered } = setUp(
      { 'A users.test': A('10.0.0.1') },
      { emptyAnswer: 'clear' },
    )
    await settled()
    responder.answers['A users.test'] = 'nxdomain'
    const failures = await failuresDuring(async () => {
      await refresh(30_000)
      expect(keys()).toEqual([])
      expect(state().nextRefreshAt! - clock.wallTime()).toBe(1_000)
      await refresh(1_000)
      expect(state().nextRefreshAt! - clock.wallTime()).toBe(2_000)
    })
    expect(failures).toEqual([])
    expect(state()).toMatchObject({ lastSuccessAt: clock.wallTime(), lastError: undefined, targets: 0 })
    responder.answers['A users.test'] = A('10.0.0.1')
    await refresh(2_000)
    expect(keys()).toEqual(['http://10.0.0.1:8080'])
    expect(entered).toEqual([])
    // Whereas a failure is a failure.
    responder.answers['A users.test'] = 'servfail'
    await refresh(30_000)
    expect(keys()).toEqual(['http://10.0.0.1:8080'])
  })

  it('of one family keeps the other one from being cleared: who knows what it would have been', async () => {
    const { settled, refresh, keys } = setUp(
      { 'A users.test': A('10.0.0.1'), 'AAAA users.test': [] },
      { type: 'A+AAAA', emptyAnswer: 'clear' },
    )
    await settled()
    Object.assign(responder.answers, { 'A users.test': 'nxdomain', 'AAAA users.test': 'servfail' })
    await refresh(30_000)
    expect(keys()).toEqual(['http://10.0.0.1:8080'])
    responder.answers['AAAA users.test'] = 'nxdomain'
    await refresh(1_000)
    expect(keys()).toEqual([])
  })
})

describe('closing', () => {
  it('asks no more, and forgets an answer that is on its way', async () => {
    const idle = setUp({ 'A users.test': A('10.0.0.1') })
    await idle.settled()
    await idle.upstream.close()
    expect(idle.clock.pending).toBe(0)
    expect(idle.state().nextRefreshAt).toBeUndefined()
    const asking = setUp({ 'A users.test': 'silence' })
    await waitFor(() => responder.questions.length === 2)
    const failures = await failuresDuring(async () => {
      await asking.upstream.destroy()
      await waitFor(() => asking.clock.pending === 0)
    })
    expect(failures).toEqual([])
    expect(asking.state()).toMatchObject({ lastError: undefined, nextRefreshAt: undefined })
  })

  it('lets the process end, as does a refresh that is to come', async () => {
    Object.assign(responder.answers, { 'A users.test': A('10.0.0.1'), 'A silent.test': 'silence' })
    const script = `
      import { createUpstream, dnsTargets } from '@sluice/core'
      const make = (hostname) => createUpstream('users', {
        targets: dnsTargets({ hostname, nameservers: ['${responder.address}'], timeoutMs: 600_000 }),
      })
      const users = make('users.test')
      await make('silent.test').close()
      process.on('exit', () => console.log(users.targets.length))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      timeout: 10_000,
    })
    expect(stdout.trim()).toBe('1')
  })
})

describe('dnsTargets', () => {
  it.each<[path: string, options: object]>([
    ['hostname', { hostname: '' }],
    ['hostname', { hostname: undefined }],
    ['hostname', { hostname: 'a b' }],
    ['hostname', { hostname: '127.0.0.1' }],
    ['type', { type: 'MX' }],
    ['type', { type: 'constructor' }],
    ['scheme', { scheme: 'ftp' }],
    ['port', { port: 0 }],
    ['port', { port: 65_536 }],
    ['port', { port: 8_080.5 }],
    ['port', { type: 'SRV', port: 80 }],
    ['weight', { type: 'SRV', weight: 1 }],
    ['weight', { weight: -1 }],
    ['basePath', { basePath: 'api' }],
    ['basePath', { basePath: '/api/' }],
    ['basePath', { basePath: '/api?x' }],
    ['minTtlMs', { minTtlMs: 0 }],
    ['maxTtlMs', { minTtlMs: 5_000, maxTtlMs: 4_000 }],
    ['refreshMs', { refreshMs: Number.NaN }],
    ['timeoutMs', { timeoutMs: -1 }],
    ['emptyAnswer', { emptyAnswer: 'drop' }],
    ['nameservers', { nameservers: [] }],
    ['nameservers', { nameservers: ['ns.test'] }],
    ['nameservers', { nameservers: '127.0.0.1' }],
  ])('refuses with the path %s: %j', (path, options) => {
    const build = () => dnsTargets({ hostname: 'users.test', ...options })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `dnsTargets.${path}` }))
  })
})
