import { createProxy, createUpstream } from '@sluice/core'
import { fakeUpstream, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import {
  outlierEjection,
  targetEjected,
  targetReturned,
  type EjectionEvent,
  type EjectionSnapshot,
  type OutlierEjectionOptions,
} from '../../src/index.ts'
import { Pool } from './pool.ts'

const make = (options: OutlierEjectionOptions = {}, count = 3) =>
  new Pool<EjectionSnapshot>([outlierEjection(options)], count)

const times = (count: number, status: number) => Array.from({ length: count }, () => status)

describe('ejection for failures in a row', () => {
  it.each([502, 503, 504])('comes at the fifth gateway error: %i', (status) => {
    const pool = make({ consecutiveServerErrors: 0 })
    pool.replies(times(4, status), 1)
    pool.replies([200], 1)
    pool.replies(times(4, status), 1)
    expect(pool.admitted).toEqual([0, 1, 2])
    pool.replies([status], 1)
    expect(pool.admitted).toEqual([0, 2])
    expect(pool.reasons(1)).toEqual(['ejected after too many gateway errors in a row'])
  })

  it('counts attempts without a reply as gateway errors', () => {
    const pool = make({ consecutiveGatewayErrors: 3 })
    pool.replies([502, 503])
    pool.fails(1)
    expect(pool.state()).toMatchObject({ ejected: true, cause: 'consecutive-gateway-errors' })
  })

  it('does not take a 500 for a gateway error, but for a server error', () => {
    const pool = make({ consecutiveGatewayErrors: 2, consecutiveServerErrors: 4 })
    pool.replies([503, 500, 503])
    expect(pool.state()).toMatchObject({ consecutiveGatewayErrors: 1, consecutiveServerErrors: 3 })
    pool.replies([500])
    expect(pool.state()).toMatchObject({ ejected: true, cause: 'consecutive-server-errors' })
    expect(pool.reasons()).toEqual(['ejected after too many server errors in a row'])
  })

  it('never comes where it is switched off', () => {
    const pool = make({ consecutiveGatewayErrors: 0, consecutiveServerErrors: 0 })
    pool.replies(times(50, 503))
    expect(pool.admitted).toEqual([0, 1, 2])
  })

  it('counts a body that breaks, once, though its head was well', () => {
    const pool = make({ consecutiveGatewayErrors: 4, consecutiveServerErrors: 0 })
    pool.begin().replied(200).failed()
    expect(pool.state()).toMatchObject({ successes: 0, failures: 1 })
    pool.begin().replied(200).failed()
    pool.begin().replied(503).failed()
    expect(pool.admitted).toEqual([0, 1, 2])
    pool.begin().replied(200).failed()
    expect(pool.admitted).toEqual([1, 2])
  })

  it('counts bodies that break together', () => {
    const pool = make({ consecutiveGatewayErrors: 3 })
    const streams = Array.from({ length: 3 }, () => pool.begin().replied(200))
    for (const stream of streams) stream.failed()
    expect(pool.admitted).toEqual([1, 2])
  })

  it('does not count what a client gave up', () => {
    const pool = make({ consecutiveGatewayErrors: 2 })
    for (let i = 0; i < 10; i++) pool.begin().cancelled()
    for (let i = 0; i < 10; i++) pool.begin().replied(200).cancelled()
    expect(pool.admitted).toEqual([0, 1, 2])
    expect(pool.state()).toMatchObject({ failures: 0, successes: 10 })
  })
})

describe('an ejection', () => {
  /** Ejects the first target and says for how long. */
  function ejectFor(pool: Pool<EjectionSnapshot>): number {
    pool.fails(5)
    return pool.state().until! - pool.clock.now()
  }

  it('ends at the very time that was told', () => {
    const pool = make({}, 1)
    pool.clock.advance(0.3)
    pool.fails(5)
    expect(pool.upstream.admitsAgainInMs).toBeCloseTo(30_000, 6)
    pool.clock.advance(29_999.5)
    expect(pool.admitted).toEqual([])
    pool.clock.advance(0.5)
    expect(pool.admitted).toEqual([0])
    expect(pool.state()).toMatchObject({ ejected: false, until: undefined, cause: undefined })
  })

  it('grows with each in close succession, up to a limit', () => {
    const pool = make({ sweepMs: 1_000_000 })
    const lengths = Array.from({ length: 12 }, () => {
      const length = ejectFor(pool)
      pool.clock.advance(length)
      return length / 1_000
    })
    expect(lengths).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
  })

  it('is forgotten step by step, with each sweep without another', () => {
    const pool = make({ sweepMs: 10_000 })
    // Each is followed at once by the next, so the sweeps fall within ejections.
    for (let i = 0; i < 3; i++) pool.clock.advance(ejectFor(pool))
    expect(pool.state().ejections).toBe(3)
    pool.clock.advance(10_000)
    expect(pool.state().ejections).toBe(2)
    expect(ejectFor(pool)).toBe(90_000)
    pool.clock.advance(90_000 + 30_000)
    expect(pool.state().ejections).toBe(0)
    expect(ejectFor(pool)).toBe(30_000)
  })

  it('lasts longer by chance', () => {
    const pool = new Pool<EjectionSnapshot>([outlierEjection({ jitter: 0.2 })], 3, { random: () => 0.5 })
    expect(ejectFor(pool)).toBe(33_000)
  })

  it('is not prolonged by what was under way, nor repeated by it afterwards', () => {
    const pool = make({ maxEjectedShare: 1 })
    const old = Array.from({ length: 20 }, () => pool.begin())
    const length = ejectFor(pool)
    for (const attempt of old.splice(0, 10)) attempt.failed()
    expect(pool.state().until).toBe(pool.clock.now() + length)
    pool.clock.advance(length)
    for (const attempt of old) attempt.failed()
    expect(pool.admitted).toEqual([0, 1, 2])
    expect(pool.state()).toMatchObject({ consecutiveServerErrors: 0, failures: 0 })
  })

  it('takes at most a share of the targets', () => {
    const pool = make({ maxEjectedShare: 0.29 }, 100)
    for (let i = 0; i < 40; i++) pool.fails(5, i)
    expect(pool.admitted).toHaveLength(71)
    expect(pool.state(28).ejected).toBe(true)
    expect(pool.state(29).ejected).toBe(false)
    // As soon as there is room, five more failures are enough.
    pool.clock.advance(30_000)
    expect(pool.admitted).toHaveLength(100)
    pool.fails(5, 39)
    expect(pool.admitted).toHaveLength(99)
  })

  it('is always possible for one', () => {
    const pool = make({ maxEjectedShare: 0 }, 2)
    pool.fails(5, 1)
    expect(pool.admitted).toEqual([0])
    pool.fails(5, 0)
    expect(pool.admitted).toEqual([0])
  })

  it('of a target that is taken out makes room for another', async () => {
    const pool = make()
    pool.fails(5, 0)
    await pool.upstream.remove('http://t0.test')
    pool.clock.advance(10_000)
    pool.fails(5, 0)
    expect(pool.upstream.snapshot().targets.map(({ key, admitted }) => [key, admitted])).toEqual([
      ['http://t1.test', false],
      ['http://t2.test', true],
    ])
    pool.upstream.add('http://t0.test')
    expect(pool.admitted).toEqual([1, 2])
  })

  it('does not befall a target that was taken out, whose place another may need', async () => {
    const pool = make()
    const late = Array.from({ length: 5 }, () => pool.begin(0))
    const removed = pool.upstream.remove('http://t0.test')
    for (const attempt of late) attempt.failed()
    await removed
    pool.fails(5, 0)
    expect(pool.admitted).toEqual([1])
  })

  it('is told', () => {
    const seen: unknown[] = []
    const listener = (event: EjectionEvent) => void seen.push(event)
    targetEjected.subscribe(listener)
    targetReturned.subscribe(listener)
    const pool = make()
    pool.fails(5, 1)
    const until = pool.clock.now() + 30_000
    pool.clock.advance(30_000)
    targetEjected.unsubscribe(listener)
    targetReturned.unsubscribe(listener)
    const common = { upstream: 'pool', target: 'http://t1.test' }
    expect(seen).toEqual([{ ...common, cause: 'consecutive-gateway-errors', until }, common])
  })
})

describe('success rates', () => {
  const options: OutlierEjectionOptions = {
    consecutiveGatewayErrors: 0,
    consecutiveServerErrors: 0,
    maxEjectedShare: 0.5,
  }

  function load(pool: Pool<EjectionSnapshot>, index: number, successes: number, failures: number): void {
    pool.replies(times(successes, 200), index)
    pool.replies(times(failures, 500), index)
  }

  it('eject the one that stands out, at the sweep', () => {
    const pool = make(options, 6)
    for (let index = 0; index < 5; index++) load(pool, index, 99, 1)
    load(pool, 5, 70, 30)
    pool.clock.advance(9_999)
    expect(pool.admitted).toHaveLength(6)
    pool.clock.advance(1)
    expect(pool.admitted).toEqual([0, 1, 2, 3, 4])
    expect(pool.reasons(5)).toEqual(['ejected for a success rate far below that of the others'])
  })

  it('say nothing with too few targets', () => {
    const pool = make({ ...options, successRateFactor: 1 }, 4)
    for (let index = 0; index < 3; index++) load(pool, index, 100, 0)
    load(pool, 3, 0, 100)
    pool.clock.advance(10_000)
    expect(pool.admitted).toHaveLength(4)
  })

  it('say nothing with too little volume', () => {
    const pool = make(options, 6)
    for (let index = 0; index < 5; index++) load(pool, index, 100, 0)
    load(pool, 5, 0, 99)
    pool.clock.advance(10_000)
    expect(pool.admitted).toHaveLength(6)
    // Results of another sweep do not count with these.
    for (let index = 0; index < 5; index++) load(pool, index, 100, 0)
    load(pool, 5, 0, 99)
    pool.clock.advance(10_000)
    expect(pool.admitted).toHaveLength(6)
  })

  it('eject none where all are as bad', () => {
    // Their mean is a hair above what each has.
    const pool = make({ ...options, successRateFactor: 0.5 }, 5)
    for (let index = 0; index < 5; index++) load(pool, index, 3, 113)
    pool.clock.advance(10_000)
    expect(pool.admitted).toHaveLength(5)
  })

  it('eject the worst first, where there is not room for all', () => {
    const pool = make({ ...options, maxEjectedShare: 0, successRateFactor: 1 }, 8)
    for (let index = 0; index < 6; index++) load(pool, index, 100, 0)
    load(pool, 6, 40, 60)
    load(pool, 7, 30, 70)
    pool.clock.advance(10_000)
    expect(pool.admitted).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  it('are not compared where that is switched off', () => {
    const pool = make({ ...options, successRateFactor: 0 }, 6)
    for (let index = 0; index < 5; index++) load(pool, index, 100, 0)
    load(pool, 5, 0, 100)
    pool.clock.advance(10_000)
    expect(pool.admitted).toHaveLength(6)
  })
})

it('schedules nothing while nothing happens, and nothing once closed', async () => {
  const pool = make()
  expect(pool.clock.pending).toBe(0)
  pool.replies([200])
  expect(pool.clock.pending).toBe(1)
  pool.clock.advance(20_000)
  expect(pool.clock.pending).toBe(0)
  pool.fails(5)
  expect(pool.clock.pending).toBe(2)
  await pool.upstream.destroy()
  expect(pool.clock.pending).toBe(0)
})

it.each<keyof OutlierEjectionOptions>([
  'consecutiveGatewayErrors',
  'consecutiveServerErrors',
  'sweepMs',
  'successRateFactor',
  'successRateMinTargets',
  'successRateMinVolume',
  'ejectionMs',
  'maxEjectionMs',
  'jitter',
  'maxEjectedShare',
])('refuses a wrong %s', (name) => {
  for (const wrong of [-1, Number.NaN, '5' as unknown as number]) {
    expect(() => outlierEjection({ [name]: wrong })).toThrow(
      expect.objectContaining({ path: `outlierEjection.${name}` }),
    )
  }
})

it('keeps a failing target from requests', async () => {
  const clock = virtualClock()
  const half = fakeUpstream((request) => ({ status: request.target === 'http://bad.test' ? 500 : 200 }), { clock })
  const pool = createUpstream('pool', {
    targets: ['http://good.test', 'http://bad.test'],
    transport: half.transport,
    clock,
    gates: [outlierEjection({ jitter: 0 })],
  })
  const proxy = createProxy({ clock }).forward(pool)
  const statuses = async (count: number) => {
    const all: number[] = []
    for (let i = 0; i < count; i++) all.push((await proxy.inject()).status)
    return all.filter((status) => status === 500).length
  }
  expect(await statuses(100)).toBe(5)
  clock.advance(30_000)
  expect(await statuses(100)).toBe(5)
  await proxy.close()
})
