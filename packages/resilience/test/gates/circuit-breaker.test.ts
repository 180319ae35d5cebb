import { createProxy, createUpstream } from '@sluice/core'
import { fakeUpstream, virtualClock } from '@sluice/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  breakerClosed,
  breakerHalfOpen,
  breakerOpened,
  circuitBreaker,
  type BreakerEvent,
  type BreakerSnapshot,
  type CircuitBreakerOptions,
} from '../../src/index.ts'
import { Pool } from './pool.ts'

const make = (options: CircuitBreakerOptions = {}, count = 3) =>
  new Pool<BreakerSnapshot>([circuitBreaker({ failureRatio: 0, ...options })], count)

describe('circuitBreaker', () => {
  it('leaves a target alone after failures in a row, and no other', () => {
    const pool = make()
    pool.fails(4, 1)
    expect(pool.admitted).toEqual([0, 1, 2])
    pool.fails(1, 1)
    expect(pool.admitted).toEqual([0, 2])
    expect(pool.reasons(1)).toEqual(['its circuit breaker is open'])
  })

  it('opens on a ratio over a window', () => {
    const pool = make({ consecutiveFailures: 0, failureRatio: 0.5, minVolume: 10 })
    pool.replies([200, 200, 200, 200, 200, 500, 500, 500, 500])
    expect(pool.admitted).toEqual([0, 1, 2])
    pool.clock.advance(10_000)
    pool.replies([500, 500, 500, 500, 500])
    expect(pool.admitted).toEqual([0, 1, 2])
    pool.replies([200, 200, 200, 200, 200])
    expect(pool.admitted).toEqual([1, 2])
  })

  it('says when it comes back, and comes back then', () => {
    const pool = make({}, 1)
    pool.fails(5)
    expect(pool.upstream.admitsAgainInMs).toBe(10_000)
    pool.clock.advance(9_999)
    expect(pool.admitted).toEqual([])
    expect(pool.upstream.admitsAgainInMs).toBe(1)
    pool.clock.advance(1)
    expect(pool.admitted).toEqual([0])
    expect(pool.clock.pending).toBe(0)
  })

  it('tries with one attempt, then with more, and closes after enough', () => {
    const pool = make({ maxProbes: 2, successesToClose: 3 }, 1)
    pool.fails(5)
    pool.clock.advance(10_000)
    const first = pool.begin()
    expect(pool.admitted).toEqual([])
    expect(pool.reasons()).toEqual(['its circuit breaker is half-open, and enough probes are under way'])
    // Its head is enough: the body may take hours.
    first.replied()
    const second = pool.begin()
    expect(pool.admitted).toEqual([0])
    const third = pool.begin()
    expect(pool.admitted).toEqual([])
    second.replied().complete()
    expect(pool.admitted).toEqual([0])
    third.replied()
    expect(pool.state().state).toBe('closed')
    for (let i = 0; i < 20; i++) pool.begin()
    expect(pool.admitted).toEqual([0])
    // One of the probes breaks now: that is another time's business.
    first.failed()
    expect(pool.state()).toMatchObject({ state: 'closed', consecutiveFailures: 0, probes: 0 })
  })

  it('opens again, for longer, at a probe that fails before its head or after', () => {
    const pool = make({}, 1)
    pool.fails(5)
    pool.clock.advance(10_000)
    pool.begin().failed()
    pool.clock.advance(19_999)
    expect(pool.admitted).toEqual([])
    pool.clock.advance(1)
    const probe = pool.begin().replied()
    expect(pool.admitted).toEqual([0])
    probe.failed()
    expect(pool.admitted).toEqual([])
    expect(pool.upstream.admitsAgainInMs).toBe(40_000)
  })

  it('judges nothing by a probe that the client gave up, and frees its place', () => {
    const pool = make({}, 1)
    pool.fails(5)
    pool.clock.advance(10_000)
    const probe = pool.begin()
    expect(pool.admitted).toEqual([])
    probe.cancelled()
    expect(pool.admitted).toEqual([0])
    expect(pool.state()).toMatchObject({ state: 'half-open', probes: 0 })
  })

  it('is not moved by what began before it opened', () => {
    const pool = make({ successesToClose: 1 }, 1)
    const old = Array.from({ length: 10 }, () => pool.begin())
    pool.fails(5)
    pool.clock.advance(10_000)
    for (const attempt of old.splice(0, 5)) attempt.failed()
    expect(pool.state().state).toBe('half-open')
    pool.begin().replied().complete()
    for (const attempt of old) attempt.failed()
    expect(pool.state()).toMatchObject({ state: 'closed', consecutiveFailures: 0 })
  })

  it('counts bodies that break, once for each attempt', () => {
    const pool = make({}, 1)
    for (let i = 0; i < 4; i++) pool.begin().replied(200).failed()
    expect(pool.state().consecutiveFailures).toBe(4)
    pool.replies([200])
    for (let i = 0; i < 4; i++) pool.begin().replied(503).failed()
    expect(pool.state()).toMatchObject({ state: 'closed', consecutiveFailures: 4 })
    pool.begin().replied(503)
    expect(pool.admitted).toEqual([])
  })

  it('takes what a user takes for a failure', () => {
    const byStatus = make({ failureStatuses: [429, '500-501'] }, 1)
    byStatus.replies([502, 502, 502, 502, 502, 502])
    expect(byStatus.admitted).toEqual([0])
    byStatus.replies([429, 500, 501, 429, 429])
    expect(byStatus.admitted).toEqual([])
    const byFunction = make({ isFailure: ({ status }) => status === 418 }, 1)
    byFunction.fails(10)
    for (let i = 0; i < 10; i++) byFunction.begin().replied(200).failed()
    byFunction.replies([500, 500, 500, 500, 500, 500])
    expect(byFunction.admitted).toEqual([0])
    byFunction.replies([418, 418, 418, 418, 418])
    expect(byFunction.admitted).toEqual([])
  })

  it('gives its state as plain data, of targets that are there and were used', async () => {
    const pool = make()
    pool.fails(5, 2)
    pool.replies([200])
    const snapshot = pool.states
    expect(Object.keys(snapshot)).toEqual(['http://t0.test', 'http://t2.test'])
    expect(snapshot['http://t2.test']).toMatchObject({ state: 'open', nextChangeAt: pool.clock.now() + 10_000 })
    expect(structuredClone(snapshot)).toEqual(snapshot)
    await pool.upstream.remove('http://t2.test')
    expect(pool.states).not.toHaveProperty(['http://t2.test'])
    // A target that comes back is a new one.
    pool.upstream.add('http://t2.test')
    expect(pool.admitted).toEqual([0, 1, 2])
  })

  it('leaves nothing scheduled when it is closed', async () => {
    const pool = make({}, 4)
    for (const index of [0, 1, 2]) pool.fails(5, index)
    expect(pool.clock.pending).toBe(3)
    const late = Array.from({ length: 5 }, () => pool.begin(3))
    await pool.upstream.destroy()
    for (const attempt of late) attempt.failed()
    expect(pool.clock.pending).toBe(0)
  })

  it('lets an upstream in panic use it all the same, and learns nothing from that', () => {
    const pool = new Pool<BreakerSnapshot>([circuitBreaker({ failureRatio: 0 })], 2, { panicThreshold: 0.6 })
    pool.fails(5, 0)
    pool.fails(5, 1)
    expect(pool.admitted).toEqual([0, 1])
    const { updates } = pool
    pool.replies([200, 200, 200, 200, 200, 200])
    expect(pool.updates).toBe(updates)
    expect(pool.state().state).toBe('open')
  })

  it.each<[path: string, options: CircuitBreakerOptions]>([
    ['circuitBreaker.openMs', { openMs: -1 }],
    ['circuitBreaker.failureStatuses[1]', { failureStatuses: [500, '6xx'] }],
    ['circuitBreaker.failureStatuses[0]', { failureStatuses: ['599-500'] }],
    ['circuitBreaker.failureStatuses[0]', { failureStatuses: [99] }],
    ['circuitBreaker.failureStatuses', { failureStatuses: '5xx' as unknown as string[] }],
    ['circuitBreaker.isFailure', { isFailure: true as unknown as () => boolean }],
  ])('refuses %s: %j', (path, options) => {
    expect(() => circuitBreaker(options)).toThrow(expect.objectContaining({ path }))
  })
})

describe('its events', () => {
  const seen: [string, BreakerEvent][] = []
  const channels = { opened: breakerOpened, halfOpen: breakerHalfOpen, closed: breakerClosed }
  const listeners = Object.entries(channels).map(([name, channel]) => {
    const listener = (event: BreakerEvent) => void seen.push([name, event])
    return { subscribe: () => channel.subscribe(listener), unsubscribe: () => channel.unsubscribe(listener) }
  })
  afterEach(() => {
    for (const each of listeners) each.unsubscribe()
  })

  it('tell each change', () => {
    for (const each of listeners) each.subscribe()
    const pool = make({ successesToClose: 1 }, 1)
    pool.fails(5)
    const nextChangeAt = pool.clock.now() + 10_000
    pool.clock.advance(10_000)
    pool.replies([200])
    const common = { of: 'target', name: 'pool', target: 'http://t0.test', nextChangeAt: undefined }
    expect(seen).toEqual([
      ['opened', { ...common, before: 'closed', nextChangeAt }],
      ['halfOpen', { ...common, before: 'open' }],
      ['closed', { ...common, before: 'half-open' }],
    ])
  })
})

it('keeps a failing target from requests, and says when to come back where there is no other', async () => {
  const clock = virtualClock()
  const failing = fakeUpstream(() => ({ status: 503 }), { clock })
  const pool = createUpstream('pool', {
    targets: ['http://a.test'],
    transport: failing.transport,
    clock,
    random: () => 0,
    gates: [circuitBreaker({ consecutiveFailures: 3 })],
  })
  const proxy = createProxy({ clock }).forward(pool)
  for (let i = 0; i < 3; i++) expect((await proxy.inject()).status).toBe(503)
  expect(failing.requests).toHaveLength(3)
  const refused = await proxy.inject()
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('10')
  expect(failing.requests).toHaveLength(3)
  clock.advance(10_000)
  await proxy.inject()
  expect(failing.requests).toHaveLength(4)
  await proxy.close()
})
