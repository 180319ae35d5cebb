import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { Gradient2, type Gradient2Options } from '../../src/index.ts'

/** Samples with as many in flight as allowed. */
function feed(limit: Gradient2, count: number, rttMs: number | ((limit: number) => number)): void {
  for (let i = 0; i < count; i++)
    limit.sample(typeof rttMs === 'number' ? rttMs : rttMs(limit.limit), limit.limit, false)
}

describe('Gradient2', () => {
  it('begins at 20, and grows to its maximum while nothing slows down', () => {
    const limit = new Gradient2()
    expect(limit.limit).toBe(20)
    feed(limit, 10, 10)
    // Each sample takes over a fifth of 4 more.
    expect(limit.limit).toBe(28)
    feed(limit, 1_000, 10)
    expect(limit.limit).toBe(200)
  })

  it('does not grow where few are in flight', () => {
    const limit = new Gradient2()
    for (let i = 0; i < 100; i++) limit.sample(10, 9, false)
    expect(limit.limit).toBe(20)
    limit.sample(10, 10, false)
    limit.sample(10, 11, false)
    expect(limit.limit).toBe(21)
  })

  it('tolerates half as long again, and shrinks in proportion beyond, down to its minimum', () => {
    const limit = new Gradient2({ initial: 100, queueSize: 0 })
    feed(limit, 100, 10)
    expect(limit.limit).toBe(100)
    limit.sample(14.9, 100, false)
    expect(limit.limit).toBe(100)
    // The long run is 10.08 by then, so 20 ms is 1.32 times what is tolerated: a fifth of the way to 100 / 1.32.
    limit.sample(20, 100, false)
    expect(limit.limit).toBe(95)
    // One sample can't more than halve the estimate.
    limit.sample(100_000, 100, false)
    expect(limit.limit).toBe(85)
    const falling = new Gradient2({ initial: 100 })
    feed(falling, 100, 10)
    for (let i = 0; i < 30; i++) falling.sample(30, 100, false)
    expect(falling.limit).toBe(20)
  })

  it('stops where a server with so many workers begins to queue', () => {
    const workers = 60
    const limit = new Gradient2()
    let most = 0
    // As in a closed loop: with more in flight than workers, each takes longer in proportion.
    for (let i = 0; i < 130; i++) {
      feed(limit, 1, (inFlight) => 10 * Math.max(1, inFlight / workers))
      most = Math.max(most, limit.limit)
    }
    expect(most).toBeGreaterThanOrEqual(workers)
    expect(most).toBeLessThan(workers * 2)
  })

  it('takes an overload that lasts for longer than the long run for what is normal', () => {
    const limit = new Gradient2({ longWindow: 20 })
    feed(limit, 3_000, (inFlight) => 10 * Math.max(1, inFlight / 60))
    expect(limit.limit).toBe(200)
  })

  it('comes back after a long time of overload', () => {
    const limit = new Gradient2({ initial: 100 })
    feed(limit, 2_000, 500)
    feed(limit, 200, 10)
    expect(limit.limit).toBe(200)
    // The long run has sunk with it: ten times as long is an overload again.
    feed(limit, 100, 100)
    expect(limit.limit).toBe(20)
  })

  it('shrinks for what was dropped, however few are in flight, and learns no duration from it', () => {
    const limit = new Gradient2({ initial: 100 })
    feed(limit, 20, 10)
    const before = limit.limit
    limit.sample(1, 1, true)
    expect(limit.limit).toBe(Math.floor(before * 0.9))
    for (let i = 0; i < 100; i++) limit.sample(1, 1, true)
    expect(limit.limit).toBe(20)
    feed(limit, 100, 10)
    expect(limit.limit).toBeGreaterThan(90)
  })

  it('may grow by the square root of itself', () => {
    const limit = new Gradient2({ initial: 100, queueSize: 'sqrt' })
    limit.sample(10, 100, false)
    expect(limit.limit).toBe(102)
  })

  it.each<[path: string, options: Gradient2Options]>([
    ['x.min', { min: 0 }],
    ['x.max', { min: 10, max: 9 }],
    ['x.initial', { initial: 201 }],
    ['x.smoothing', { smoothing: 0 }],
    ['x.smoothing', { smoothing: 1.1 }],
    ['x.rttTolerance', { rttTolerance: 0.9 }],
    ['x.queueSize', { queueSize: -1 }],
    ['x.longWindow', { longWindow: 1 }],
  ])('refuses %s: %j', (path, options) => {
    const build = () => new Gradient2(options, 'x')
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })

  it('fits its bounds to a maximum below the default minimum', () => {
    expect(new Gradient2({ max: 5 }).limit).toBe(5)
  })
})
