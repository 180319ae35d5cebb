import { describe, expect, it } from 'vitest'
import { outlierEjection, slowStart, type SlowStartOptions } from '../../src/index.ts'
import { Pool } from './pool.ts'

const make = (options: SlowStartOptions = {}) => new Pool([slowStart(options)])

const weights = ({ upstream }: Pool) =>
  upstream.targets.map(({ effectiveWeight }) => Math.round(effectiveWeight * 1e6) / 1e6)

describe('slowStart', () => {
  it('gives those that an upstream begins with their full weight', () => {
    const pool = make()
    expect(weights(pool)).toEqual([1, 1, 1])
    expect(pool.clock.pending).toBe(0)
  })

  it('lets one that is new begin with a tenth and rise to all', () => {
    const pool = make()
    pool.upstream.add({ url: 'http://new.test', weight: 4 })
    expect(weights(pool)).toEqual([1, 1, 1, 0.4])
    pool.clock.advance(3_000)
    expect(weights(pool)[3]).toBe(0.4)
    pool.clock.advance(1_500)
    expect(weights(pool)[3]).toBe(0.6)
    pool.clock.advance(10_500)
    expect(weights(pool)[3]).toBe(2)
    pool.clock.advance(14_999)
    expect(weights(pool)[3]).toBeLessThan(4)
    pool.clock.advance(1)
    expect(pool.upstream.targets[3]!.effectiveWeight).toBe(4)
    expect(pool.clock.pending).toBe(0)
  })

  it('is exact at the end also where times have fractions', () => {
    const pool = make({ windowMs: 1_234.567 })
    pool.clock.advance(0.1)
    pool.upstream.add('http://new.test')
    pool.clock.advance(617.3)
    pool.upstream.add('http://newer.test')
    pool.clock.advance(1_234.568)
    expect(pool.upstream.targets.map(({ effectiveWeight }) => effectiveWeight)).toEqual([1, 1, 1, 1, 1])
    expect(pool.clock.pending).toBe(0)
  })

  it('begins again with one that comes back: from down, from drain, from another gate', () => {
    const pool = new Pool([outlierEjection(), slowStart()])
    for (const state of ['down', 'drain'] as const) {
      pool.upstream.update('http://t0.test', { state })
      pool.clock.advance(5_000)
      pool.upstream.update('http://t0.test', { state: 'up' })
      expect(weights(pool)).toEqual([0.1, 1, 1])
      pool.clock.advance(30_000)
      expect(weights(pool)).toEqual([1, 1, 1])
    }
    pool.fails(5, 1)
    pool.clock.advance(30_000)
    expect(weights(pool)).toEqual([1, 0.1, 1])
    pool.clock.advance(15_000)
    expect(weights(pool)[1]).toBe(0.5)
  })

  it('begins again with one that comes back while it was still warming up', () => {
    const pool = make()
    pool.upstream.add('http://new.test')
    pool.clock.advance(20_000)
    pool.upstream.update('http://new.test', { state: 'down' })
    pool.upstream.update('http://new.test', { state: 'up' })
    expect(weights(pool)[3]).toBe(0.1)
    pool.clock.advance(15_000)
    expect(weights(pool)[3]).toBeCloseTo(0.5, 1)
  })

  it('moves several with one call, each in its own time', () => {
    const pool = make()
    pool.upstream.add('http://new.test')
    pool.clock.advance(10_000)
    pool.upstream.add('http://newer.test')
    expect(pool.clock.pending).toBe(1)
    pool.clock.advance(20_000)
    expect(pool.upstream.targets[3]!.effectiveWeight).toBe(1)
    expect(weights(pool)[4]).toBeCloseTo(2 / 3, 1)
    pool.clock.advance(10_000)
    expect(weights(pool)[4]).toBe(1)
    expect(pool.clock.pending).toBe(0)
  })

  it('does not keep one waiting for another that has begun again', () => {
    const pool = make()
    pool.upstream.add('http://new.test')
    pool.clock.advance(10_000)
    pool.upstream.add('http://newer.test')
    pool.clock.advance(10_000)
    pool.upstream.update('http://new.test', { state: 'down' })
    pool.upstream.update('http://new.test', { state: 'up' })
    pool.clock.advance(20_000)
    expect(pool.upstream.targets[4]!.effectiveWeight).toBe(1)
  })

  it('rises as it is told', () => {
    const at = (options: SlowStartOptions, ms: number) => {
      const pool = make({ windowMs: 10_000, ...options })
      pool.upstream.add('http://new.test')
      pool.clock.advance(ms)
      return weights(pool)[3]
    }
    expect(at({ minWeight: 0.25 }, 0)).toBe(0.25)
    expect(at({ minWeight: 1 }, 0)).toBe(1)
    expect(at({ aggression: 2 }, 5_000)).toBeCloseTo(Math.SQRT1_2, 5)
    expect(at({ aggression: 0.5 }, 5_000)).toBeCloseTo(0.25, 5)
  })

  it('gives its state as plain data, and forgets who is gone', async () => {
    const pool = make()
    pool.upstream.add('http://new.test')
    const until = pool.clock.now() + 30_000
    pool.clock.advance(15_000)
    expect(pool.states).toEqual({ 'http://new.test': { weight: 0.5, until } })
    await pool.upstream.remove('http://new.test')
    pool.clock.advance(1_500)
    expect(pool.states).toEqual({})
    expect(pool.clock.pending).toBe(0)
  })

  it('leaves nothing scheduled when it is closed', async () => {
    const pool = make()
    pool.upstream.add('http://new.test')
    await pool.upstream.destroy()
    expect(pool.clock.pending).toBe(0)
  })

  it.each<[path: string, options: SlowStartOptions]>([
    ['slowStart.windowMs', { windowMs: 0 }],
    ['slowStart.minWeight', { minWeight: 0 }],
    ['slowStart.minWeight', { minWeight: 1.1 }],
    ['slowStart.aggression', { aggression: 0 }],
    ['slowStart.aggression', { aggression: Number.NaN }],
  ])('refuses %s: %j', (path, options) => {
    expect(() => slowStart(options)).toThrow(expect.objectContaining({ path }))
  })
})
