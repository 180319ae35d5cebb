import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { weightedRoundRobin } from '../src/index.ts'
import { equal, makeTargets, Pool, triedAt, weights } from './pool.ts'

const make = (configs: ConstructorParameters<typeof Pool>[1]) => new Pool(weightedRoundRobin(), configs)

/** nginx's ngx_http_upstream_get_peer, as it stands there: indexes of peers. `isOut` are those it would skip. */
function nginx(list: readonly number[], picks: number, isOut: (index: number) => boolean = () => false): number[] {
  const current = list.map(() => 0)
  return Array.from({ length: picks }, () => {
    let total = 0
    let best = -1
    for (const [i, weight] of list.entries()) {
      if (weight === 0 || isOut(i)) continue
      current[i] = current[i]! + weight
      total += weight
      if (best < 0 || current[i] > current[best]!) best = i
    }
    current[best] = current[best]! - total
    return best
  })
}

describe('weighted round-robin', () => {
  it.each([
    [[5, 1, 1], 'aabacaa'],
    [[1, 1, 1], 'abc'],
    [[4, 2, 1], 'abacaba'],
    [[3, 2], 'ababa'],
    [[1, 0, 2], 'cac'],
    [[0.5, 1.5], 'babb'],
  ])('has the order of nginx for weights %j', (list, expected) => {
    const pool = make(weights(...list))
    expect(pool.names(2 * expected.length)).toBe(expected + expected)
  })

  it('has the order of nginx for any weights', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 40 }), (list) => {
        fc.pre(list.some((weight) => weight > 0))
        const pool = make(weights(...list))
        const order = Array.from({ length: 200 }, () => pool.targets.indexOf(pool.pick()!))
        expect(order).toEqual(nginx(list, 200))
      }),
      { numRuns: 60 },
    )
  })

  it('gives each target its exact share in every window as long as the sum of weights', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), (list) => {
        const pool = make(weights(...list))
        const total = list.reduce((sum, weight) => sum + weight)
        const order = Array.from({ length: 3 * total }, () => pool.targets.indexOf(pool.pick()!))
        for (let start = 0; start <= 2 * total; start++)
          expect(countsIn(order, start, total, list.length)).toEqual(list)
      }),
      { numRuns: 60 },
    )
  })

  it('gives exact shares with more different weights than it keeps apart', () => {
    const list = Array.from({ length: 100 }, (_, i) => i + 1)
    const pool = make(weights(...list))
    const total = list.reduce((sum, weight) => sum + weight)
    const order = Array.from({ length: 2 * total }, () => pool.targets.indexOf(pool.pick()!))
    for (const start of [0, 1, 777, total]) expect(countsIn(order, start, total, list.length)).toEqual(list)
    // Evenly spread, not in a burst: the heaviest is never picked twice within half of its interval.
    const places = order.flatMap((index, place) => (index === 99 ? [place] : []))
    const interval = total / 100
    for (let i = 1; i < places.length; i++) expect(places[i]! - places[i - 1]!).toBeGreaterThan(interval / 2)
  })

  it('is round-robin without weights', () => {
    expect(make(equal(4)).names(8)).toBe('abcdabcd')
  })

  it('shares among the others what one that is full would get, as nginx does', () => {
    const list = [7, 5, 1]
    const pool = make(weights(...list))
    pool.targets[0]!.maxActive = 1
    pool.targets[0]!.active = 1
    const order = Array.from({ length: 36 }, () => pool.targets.indexOf(pool.pick()!))
    expect(order).toEqual(nginx(list, 36, (index) => index === 0))
  })

  it.each([
    ['of one weight', 1, [0, 100, 100, 100]],
    ['of the same heavy weight', 5, [0, 300, 60, 60]],
  ])('keeps the shares of the others while one of several %s is full', (_name, heavy, expected) => {
    const pool = make(weights(heavy, heavy, 1, 1))
    pool.targets[0]!.maxActive = 1
    pool.targets[0]!.active = 1
    const total = expected.reduce((sum, count) => sum + count)
    const counts = pool.counts(total)
    for (const [i, count] of counts.entries()) expect(Math.abs(count - expected[i]!)).toBeLessThanOrEqual(2)
    // No burst when it has room again: what it missed is not made up for.
    pool.targets[0]!.active = 0
    expect(pool.counts(4 * (2 * heavy + 2))[0]).toBeLessThanOrEqual(4 * heavy + 1)
  })

  it('keeps the shares of the others while many different weights are full', () => {
    const list = Array.from({ length: 100 }, (_, i) => i + 1)
    const pool = make(weights(...list))
    for (const target of pool.targets.slice(50)) target.maxActive = target.active = 1
    const expected = list.map((weight) => (weight <= 50 ? 2 * weight : 0))
    const counts = pool.counts(50 * 51)
    for (const [i, count] of counts.entries()) expect(Math.abs(count - expected[i]!)).toBeLessThanOrEqual(1)
    for (const target of pool.targets) target.maxActive = target.active = 1
    expect(pool.pick()).toBeUndefined()
    for (const target of pool.targets) target.active = 0
    expect(pool.counts(5050)).toEqual(list)
  })

  it('passes over what was tried, and leaves the order as it was otherwise', () => {
    const pool = make(weights(5, 1, 1))
    const [a, b, c] = pool.targets
    expect(pool.pick(triedAt(a!, b!))).toBe(c)
    expect(pool.pick(triedAt(a!, b!, c!))).toBeUndefined()
    expect(pool.counts(7 * 10)[0]).toBe(50)
  })

  it('keeps what each has still to get when a weight changes, however often', () => {
    const pool = make(weights(1, 1, 1, 1))
    let step = 0
    let due = 0
    // A slow start of the last one: its weight is another before each pick.
    const counts = pool.counts(4_000, () => {
      const weight = 0.1 + (0.9 * (step++ % 100)) / 100
      due += weight / (3 + weight)
      pool.targets[3]!.effectiveWeight = weight
      pool.admit()
      return pool.pick()
    })
    for (const count of counts.slice(0, 3)) expect(Math.abs(count - (4_000 - due) / 3)).toBeLessThan(2)
    expect(Math.abs(counts[3]! - due)).toBeLessThan(2)
  })

  it('keeps it with more different weights than it keeps apart as well', () => {
    const pool = make(weights(...Array.from({ length: 80 }, (_, i) => 1 + i / 100)))
    const counts = pool.counts(3_000, () => {
      pool.targets[0]!.effectiveWeight = pool.targets[0]!.effectiveWeight === 1 ? 0.5 : 1
      pool.admit()
      return pool.pick()
    })
    const rest = 80 + (79 * 80) / 200 - 1
    const share = 3_000 / (rest + 0.75)
    for (const [i, count] of counts.entries()) {
      if (i > 0) expect(Math.abs(count - share * (1 + i / 100))).toBeLessThan(4)
    }
    expect(Math.abs(counts[0]! - 0.75 * share)).toBeLessThan(25)
  })

  it('does not mind updates that change nothing', () => {
    const pool = make(weights(5, 1, 1, 4, 2))
    const order = Array.from({ length: 39 }, () => {
      pool.admit()
      return pool.targets.indexOf(pool.pick()!)
    })
    expect(order).toEqual(nginx([5, 1, 1, 4, 2], 39))
  })

  it('lets a target that comes in take its place without a burst', () => {
    const pool = make(equal(3))
    const all = pool.targets
    pool.admit((target) => target === all[2])
    expect(pool.names(5)).toBe('ababa')
    pool.admit()
    expect(new Set(pool.names(3))).toEqual(new Set('abc'))
    expect(pool.counts(300)).toEqual([100, 100, 100])
    pool.targets = makeTargets(equal(2))
    pool.admit()
    expect(pool.names(4)).toBe('abab')
  })
})

function countsIn(order: readonly number[], start: number, length: number, size: number): number[] {
  const counts = Array.from({ length: size }, () => 0)
  for (let i = start; i < start + length; i++) counts[order[i]!] = counts[order[i]!]! + 1
  return counts
}
