import { ConfigError, type TargetConfig } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { leastConnections, preferZone, type PreferZoneOptions } from '../src/index.ts'
import { nameOf, Pool, triedAt } from './pool.ts'

const PICKS = 4000

/** So many targets in the proxy's zone, in another one, and in none. */
const zones = (near: number, far: number, none = 0): Partial<TargetConfig>[] => [
  ...Array.from({ length: near }, () => ({ zone: 'near' })),
  ...Array.from({ length: far }, () => ({ zone: 'far' })),
  ...Array.from({ length: none }, () => ({})),
]

const make = (configs: readonly Partial<TargetConfig>[], options: Partial<PreferZoneOptions> = {}) =>
  new Pool(preferZone({ zone: 'near', ...options }), configs)

function nearShare(pool: Pool): number {
  let near = 0
  for (let i = 0; i < PICKS; i++) if (pool.pick()!.zone === 'near') near++
  return near / PICKS
}

describe('zone preference', () => {
  it.each([
    [0, 1],
    [2, 1],
    [3, 0.98],
    [5, 0.7],
    [9, 0.14],
    [10, 0],
  ])('with %i of 10 targets of the zone out, keeps a share of %d there', (out, share) => {
    const pool = make(zones(10, 20, 3))
    pool.admit((target) => pool.targets.indexOf(target) < out)
    expect(pool.balancer.snapshot!()).toEqual({ zone: 'near', share: expect.closeTo(share, 9) })
    expect(Math.abs(nearShare(pool) - share)).toBeLessThan(share % 1 === 0 ? 1e-9 : 0.025)
  })

  it('spills over to all others alike', () => {
    const pool = make(zones(2, 3, 1))
    pool.admit((target) => target.zone === 'near')
    expect(pool.counts(400)).toEqual([0, 0, 100, 100, 100, 100])
  })

  it('does not mind what is out elsewhere', () => {
    const pool = make(zones(4, 8))
    pool.admit((target) => target.zone === 'far')
    expect(nearShare(pool)).toBe(1)
  })

  it.each([
    // A third of the traffic, a third of the targets; a sixth; a half.
    [2, 4, 1 / 3, 1],
    [1, 5, 1 / 3, 0.5],
    [3, 3, 1 / 3, 1],
    [2, 8, 0.5, 0.4],
  ])(
    'with %i targets near and %i far, and %d of the traffic, keeps a share of %d',
    (near, far, trafficShare, share) => {
      expect(Math.abs(nearShare(make(zones(near, far), { trafficShare })) - share)).toBeLessThan(0.025)
    },
  )

  it('is no preference with fewer targets than wanted', () => {
    const pool = make(zones(2, 6), { minTargets: 3 })
    expect(Math.abs(nearShare(pool) - 0.25)).toBeLessThan(0.025)
    const enough = make(zones(3, 6), { minTargets: 3 })
    expect(nearShare(enough)).toBe(1)
  })

  it('goes by weight', () => {
    const pool = make([{ zone: 'near', weight: 9 }, { zone: 'near', weight: 1 }, { zone: 'far' }], {
      overprovisioning: 1,
    })
    pool.admit((target) => target.weight === 9)
    expect(Math.abs(nearShare(pool) - 0.1)).toBeLessThan(0.02)
  })

  it('asks the others where all of the zone were tried or are full, and the other way round', () => {
    const pool = make(zones(1, 1))
    const [near, far] = pool.targets
    expect(pool.pick(triedAt(near!))).toBe(far)
    pool.admit((target) => target === far)
    expect(pool.pick(triedAt(near!))).toBeUndefined()
    pool.admit((target) => target === near)
    pool.targets = [far!]
    pool.admit()
    expect(pool.pick()).toBe(far)
    expect(pool.pick(triedAt(far!))).toBeUndefined()
    expect(nameOf(make(zones(0, 2)).pick())).toMatch(/[ab]/)
  })

  it('gives each side its own balancer, and tells it what happens', () => {
    const pool = make(zones(3, 3), { balancer: leastConnections() })
    const first = Array.from({ length: 3 }, () => pool.begin()!)
    expect(new Set(first).size).toBe(3)
    pool.end(first[2]!)
    expect(pool.pick()).toBe(first[2])
  })

  it.each([
    ['zone', { zone: '' }],
    ['overprovisioning', { overprovisioning: 0 }],
    ['trafficShare', { trafficShare: 0 }],
    ['trafficShare', { trafficShare: 1.1 }],
    ['minTargets', { minTargets: 0 }],
    ['balancer', { balancer: 'random' as never }],
  ])('refuses a wrong %s: %j', (path, options) => {
    expect(() => make([], options)).toThrow(ConfigError)
    expect(() => make([], options)).toThrow(expect.objectContaining({ path: `preferZone.${path}` }))
  })
})
