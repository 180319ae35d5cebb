import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { peakEwma, type PeakEwmaOptions } from '../src/index.ts'
import { equal, Pool, weights } from './pool.ts'

const make = (count: number, options?: PeakEwmaOptions) => new Pool(peakEwma(options), equal(count))

const latencies = (pool: Pool) => {
  const snapshot = pool.balancer.snapshot!() as Record<string, { latencyMs: number }>
  return pool.targets.map(({ key }) => snapshot[key]!.latencyMs)
}

describe('peak EWMA', () => {
  it('jumps to a peak at once, and comes down in the time of its decay', () => {
    const pool = make(1)
    const [a] = pool.targets
    pool.report(a!, 20)
    expect(latencies(pool)[0]).toBeCloseTo(20, 6)
    pool.report(a!, 500)
    expect(latencies(pool)[0]).toBeCloseTo(500, 6)
    pool.clock.advance(10_000)
    expect(latencies(pool)[0]).toBeCloseTo(500 / Math.E, 6)
    pool.report(a!, 20)
    expect(latencies(pool)[0]).toBeCloseTo(500 / Math.E + 20 * (1 - 1 / Math.E), 6)
  })

  it('decays as fast as it is told', () => {
    const pool = make(1, { decayMs: 1000 })
    pool.report(pool.targets[0]!, 100)
    pool.clock.advance(2000)
    expect(latencies(pool)[0]).toBeCloseTo(100 / Math.E ** 2, 6)
  })

  it('picks the one with less latency × (attempts + 1)', () => {
    const pool = make(2)
    const [slow, fast] = pool.targets
    pool.report(slow!, 100)
    pool.report(fast!, 10)
    expect(pool.counts(20)).toEqual([0, 20])
    fast!.active = 8
    expect(pool.counts(20)).toEqual([0, 20])
    fast!.active = 10
    expect(pool.counts(20)).toEqual([20, 0])
  })

  it('goes by what is under way among those it knows nothing of', () => {
    const pool = make(3)
    for (let i = 0; i < 9; i++) pool.begin()
    expect(pool.targets.map(({ active }) => active)).toEqual([3, 3, 3])
  })

  it('tries one it knows nothing of, once until its head has come', () => {
    const pool = make(2)
    const [known, fresh] = pool.targets
    pool.report(known!, 10)
    expect(pool.counts(20)).toEqual([0, 20])
    pool.occupy(fresh!)
    expect(pool.counts(20)).toEqual([20, 0])
    pool.report(fresh!, 1)
    expect(pool.counts(20)).toEqual([0, 20])
  })

  it.each([
    ['that failed', { phase: 'failed', status: undefined }],
    ['that was answered 503', { phase: 'replied', status: 503 }],
    ['that broke after its head', { phase: 'failed', status: 200 }],
  ] as const)('takes an attempt %s for a slow one, however fast it was', (_name, result) => {
    const pool = make(2)
    const [a, b] = pool.targets
    pool.report(a!, 1, result)
    pool.report(b!, 900)
    expect(pool.counts(20)).toEqual([0, 20])
    expect(latencies(pool)[0]).toBeCloseTo(1000, 6)
  })

  it('does not take an answer of 500 for a slow one: it may be the request', () => {
    const pool = make(1)
    pool.report(pool.targets[0]!, 3, { phase: 'replied', status: 500 })
    expect(latencies(pool)[0]).toBeCloseTo(3, 6)
  })

  it('says nothing of an attempt without a head', () => {
    const pool = make(1)
    pool.report(pool.targets[0]!, 3, { phase: 'cancelled', headAt: undefined })
    expect(latencies(pool)).toEqual([0])
  })

  it('knows a target still that was not admissible for a while', () => {
    const pool = make(2)
    pool.report(pool.targets[0]!, 100)
    pool.admit((target) => target === pool.targets[0])
    pool.admit()
    expect(latencies(pool)[0]).toBeCloseTo(100, 6)
  })

  it('counts load per weight', () => {
    const pool = new Pool(peakEwma(), weights(10, 1))
    for (const target of pool.targets) pool.report(target, 10)
    for (const target of pool.targets) target.active = 2
    const [heavy, light] = pool.counts(200)
    expect(heavy! + light!).toBe(200)
    expect(light).toBeLessThan(10)
  })

  it('sends a slow target its share of time, not of requests', () => {
    const pool = make(10)
    const slow = pool.targets[0]
    const counts = pool.counts(5_000, () => {
      pool.clock.advance(1)
      const target = pool.pick()!
      pool.report(target, target === slow ? 200 : 20)
      return target
    })
    expect(counts[0]).toBeLessThan(50)
    for (const count of counts.slice(1)) expect(count).toBeGreaterThan(300)
  })

  it.each([
    ['decayMs', { decayMs: 0 }],
    ['failureMs', { failureMs: -1 }],
    ['failureMs', { failureMs: Number.NaN }],
  ])('refuses a wrong %s', (path, options) => {
    expect(() => peakEwma(options)).toThrow(ConfigError)
    expect(() => peakEwma(options)).toThrow(expect.objectContaining({ path: `peakEwma.${path}` }))
  })
})
