import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ConfigError } from '@sluice/core'
import { seededRandom } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { HashRing } from '../src/hash-ring.ts'
import { ringHash, type RingHashOptions } from '../src/index.ts'
import { KeyedPool } from './keys.ts'
import { equal, exchangeOf, makeTargets, Pool, triedAt, weights } from './pool.ts'

const KEYS = 20_000

const make = (configs: ConstructorParameters<typeof Pool>[1], options: Partial<RingHashOptions> = {}) =>
  new KeyedPool((key) => ringHash({ ...options, key }), configs)

describe('ring hash', () => {
  it('gives a key the same target each time, on every proxy, whatever the order of its list', () => {
    const pool = make(equal(10))
    const owners = pool.owners(500)
    expect(pool.owners(500)).toEqual(owners)
    const names = (list: typeof owners) => list.map((target) => target!.key)
    const other = make(equal(10))
    other.targets = other.targets.toReversed()
    other.admit()
    expect(names(other.owners(500))).toEqual(names(owners))
    // One that has gone through changes has the same ring as one that has not.
    other.admit((target) => target.key < 'http://e')
    other.admit()
    expect(names(other.owners(500))).toEqual(names(owners))
  })

  it('spreads keys about evenly, and by weight', () => {
    for (const count of make(equal(10)).shares(KEYS)) expect(Math.abs(count / 2000 - 1)).toBeLessThan(0.3)
    const [light, heavy, none] = make(weights(1, 4, 0), { replicas: 1000 }).shares(KEYS)
    expect(Math.abs(heavy! / KEYS - 0.8)).toBeLessThan(0.03)
    expect(light! + heavy!).toBe(KEYS)
    expect(none).toBe(0)
  })

  it.each([3, 10, 100])('moves only the keys of the one that leaves: %i targets', (count) => {
    const pool = make(equal(count))
    const before = pool.owners(KEYS)
    const gone = pool.targets[1]!
    pool.admit((target) => target === gone)
    const after = pool.owners(KEYS)
    const moved = before.filter((target, i) => target !== after[i])
    expect(moved.every((target) => target === gone)).toBe(true)
    expect(moved.length).toBe(before.filter((target) => target === gone).length)
    expect(moved.length / KEYS).toBeLessThan(1.35 / count)
    // And they go to all of the others, not to one.
    const heirs = new Set(after.filter((_, i) => before[i] === gone))
    expect(heirs.size).toBeGreaterThan((count - 1) * 0.45)
    pool.admit()
    expect(pool.owners(KEYS)).toEqual(before)
  })

  it('takes only from others what a new target gets', () => {
    const pool = make(equal(11))
    const fresh = pool.targets[10]!
    pool.admit((target) => target === fresh)
    const before = pool.owners(KEYS)
    pool.admit()
    const after = pool.owners(KEYS)
    for (const [i, target] of after.entries()) if (target !== before[i]) expect(target).toBe(fresh)
  })

  it('moves no key in a slow start, and few when a configured weight changes', () => {
    const pool = make(equal(5))
    const before = pool.owners(2000)
    pool.targets[0]!.effectiveWeight = 0.1
    pool.admit()
    expect(pool.owners(2000)).toEqual(before)
    pool.targets[0]!.weight = 2
    pool.targets[0]!.effectiveWeight = 2
    pool.admit()
    const after = pool.owners(2000)
    for (const [i, target] of after.entries()) if (target !== before[i]) expect(target).toBe(pool.targets[0])
    const share = after.filter((target) => target === pool.targets[0]).length / 2000
    expect(share).toBeGreaterThan(0.25)
    expect(share).toBeLessThan(0.42)
  })

  it('has another target for a key whose own was tried or is full: the same one each time', () => {
    const pool = make(equal(6))
    const first = pool.pickFor('ada')!
    const second = pool.pickFor('ada', triedAt(first))!
    expect(second).not.toBe(first)
    first.maxActive = first.active = 1
    expect(pool.pickFor('ada')).toBe(second)
    const others = pool.targets.filter((target) => target !== first && target !== second)
    expect(others).toContain(pool.pickFor('ada', triedAt(second)))
    expect(pool.pickFor('ada', triedAt(...others))).toBe(second)
    expect(pool.pickFor('ada', triedAt(second, ...others))).toBeUndefined()
  })

  it('finds the last one with room among many', () => {
    const pool = make(equal(300), { replicas: 10 })
    for (const target of pool.targets.slice(1)) target.maxActive = target.active = 1
    expect(pool.shares(50)[0]).toBe(50)
  })

  it('picks at random where there is no key', () => {
    const pool = make(weights(1, 1, 2))
    const counts = pool.counts(4000, () => pool.pickFor(undefined))
    expect(Math.abs(counts[2]! - 2000)).toBeLessThan(200)
    expect(pool.pickFor(undefined, triedAt(...pool.targets))).toBeUndefined()
  })

  it('halves the points of all where there would be too many, and keeps them in order', () => {
    const ring = new HashRing(16, 0, 1000)
    const targets = makeTargets(equal(80))
    for (const [count, points] of [
      [62, 62 * 16],
      [63, 63 * 8],
      [80, 80 * 8],
      [40, 40 * 16],
    ] as const) {
      ring.update(targets.slice(0, count))
      expect(ring.size).toBe(points)
    }
    ring.update([])
    expect(ring.size).toBe(0)
  })

  it('passes by those that may return as if they were not there, and copies nothing for them', () => {
    const targets = makeTargets(equal(40))
    const ring = new HashRing(50, 0)
    ring.update(targets)
    const random = seededRandom(7)
    for (let round = 0; round < 30; round++) {
      const out = new Set(targets.filter(() => random() < 0.3))
      const here = targets.filter((target) => !out.has(target))
      ring.update(here, (target) => out.has(target))
      expect(ring.size).toBe(40 * 50)
      expect(ring.awakePoints).toBe(here.length * 50)
      const alone = new HashRing(50, 0)
      alone.update(here)
      const places = Array.from({ length: ring.size }, (_, place) => place)
      const owners = places.filter((place) => ring.isAwakeAt(place)).map((place) => ring.ownerAt(place))
      expect(owners).toEqual(Array.from({ length: alone.size }, (_, place) => alone.ownerAt(place)))
    }
  })

  it('keeps no more points asleep than awake, and none of a target that has left for good or weighs something else', () => {
    const targets = makeTargets(equal(10))
    const ring = new HashRing(50, 0)
    ring.update(targets)
    ring.update(targets.slice(5), () => true)
    expect(ring.size).toBe(500)
    ring.update(targets.slice(5), (target) => target !== targets[0])
    expect(ring.size).toBe(450)
    ring.update(targets.slice(6), () => true)
    expect(ring.size).toBe(200)
    targets[9]!.weight = 2
    ring.update(targets.slice(6), () => true)
    expect(ring.size).toBe(250)
    expect(Array.from({ length: 250 }, (_, place) => ring.isAwakeAt(place))).not.toContain(false)
  })

  it('has keys go to others while most of the targets are out, and come back', () => {
    const pool = make(equal(30))
    const before = pool.owners(1000)
    const [last] = pool.targets
    pool.admit((target) => target !== last)
    expect(new Set(pool.owners(1000))).toEqual(new Set([last]))
    pool.admit(() => true)
    expect(pool.pickFor('ada')).toBeUndefined()
    pool.admit()
    expect(pool.owners(1000)).toEqual(before)
  })

  it('is the same for every order of targets, also where points coincide', () => {
    const targets = makeTargets(equal(60))
    const ring = new HashRing(5000, 0)
    ring.update(targets)
    const reversed = new HashRing(5000, 0)
    reversed.update(targets.toReversed())
    const grown = new HashRing(5000, 0)
    grown.update(targets.slice(30))
    grown.update(targets)
    let differences = 0
    for (let place = 0; place < ring.size; place++) {
      const owner = ring.ownerAt(place)
      if (owner !== reversed.ownerAt(place) || owner !== grown.ownerAt(place)) differences++
    }
    expect(differences).toBe(0)
  })

  it('forgets targets that are gone', async () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const ring = new HashRing(5, 0)
    const stays = makeTargets(equal(1))
    const gone = (() => {
      const [target] = makeTargets([{ url: 'http://gone.test' }])
      ring.update([...stays, target!])
      return new WeakRef(target!)
    })()
    ring.update(stays)
    await new Promise(setImmediate)
    collect()
    expect(gone.deref()).toBeUndefined()
    expect(ring.ownerAt(0)).toBe(stays[0])
  })

  it('finds on the ring what a look at all points would find', () => {
    const ring = new HashRing(5, 3)
    const targets = makeTargets(equal(12))
    ring.update(targets.slice(0, 8))
    ring.update(targets.slice(4))
    const fresh = new HashRing(5, 3)
    fresh.update(targets.slice(4))
    for (let place = 0; place < fresh.size; place++) expect(ring.ownerAt(place)).toBe(fresh.ownerAt(place))
    for (let i = 0; i < 400; i++) {
      const hash = Math.floor((i * 2 ** 31) / 400)
      expect(ring.find(hash)).toBe(fresh.find(hash))
    }
  })

  it('keys by what it is told', async () => {
    const pool = new Pool(ringHash({ key: { header: 'x-user' } }), equal(20))
    const pick = async (user: string) => pool.pick([], await exchangeOf({ headers: { 'x-user': user } }))
    expect(await pick('ada')).toBe(await pick('ada'))
    const owners = await Promise.all(Array.from({ length: 20 }, async (_, i) => await pick(`u${i}`)))
    expect(new Set(owners).size).toBeGreaterThan(5)
  })
})

describe('bounded load', () => {
  it.each([1.1, 1.25, 2])('holds for every attempt: at most %d times the fair share, rounded up', (bound) => {
    const pool = make(weights(1, 1, 2, 4, 1, 1), { boundedLoad: bound })
    const total = 10
    const running: ReturnType<typeof pool.begin>[] = []
    for (let i = 0; i < 3000; i++) {
      // A few hot keys make up most of the requests.
      const target = pool.pickFor(i % 3 === 0 ? `key ${i}` : `hot ${i % 2}`)!
      const allowed = Math.ceil((bound * (running.length + 1) * target.weight) / total + 1e-9)
      expect(target.active + 1).toBeLessThanOrEqual(allowed)
      pool.occupy(target)
      running.push(target)
      if (running.length > 50 + (i % 40)) {
        const [ended] = running.splice((i * 7) % running.length, 1)
        pool.end(ended!)
      }
    }
  })

  it('leaves a key at its target while that is not much busier than others', () => {
    const bounded = make(equal(5), { boundedLoad: 1.25 })
    const plain = make(equal(5))
    const names = (pool: KeyedPool) => pool.owners(300).map((target) => target!.key)
    for (const pool of [bounded, plain])
      for (const target of pool.targets) for (let i = 0; i < 20; i++) pool.occupy(target)
    expect(names(bounded)).toEqual(names(plain))
  })

  it('counts what is under way at targets that are there, over updates', () => {
    const pool = make(equal(4), { boundedLoad: 1.25 })
    const [gone, b, c, d] = pool.targets
    for (const [target, count] of [
      [gone!, 13],
      [b!, 8],
      [c!, 3],
      [d!, 10],
    ] as const) {
      for (let i = 0; i < count; i++) pool.occupy(target)
    }
    pool.admit((target) => target === gone)
    while (gone!.active > 0) pool.end(gone!)
    // A share is 1.25 * (21 + 1) / 3, so 10 for each: d has that already, b has not.
    const owners = pool.owners(200)
    expect(new Set(owners)).toEqual(new Set([b, c]))
    pool.admit((target) => target === gone)
    expect(pool.owners(200)).toEqual(owners)
  })

  it('gives way where nobody has room within the bound', () => {
    const pool = make(equal(3), { boundedLoad: 1.01 })
    const [a, b, c] = pool.targets
    for (const target of [a!, b!]) target.maxActive = 1
    for (const target of [a!, b!, c!, c!, c!]) pool.occupy(target)
    expect(pool.pickFor('any')).toBe(c)
    expect(pool.pickFor('any', triedAt(c!))).toBeUndefined()
  })

  it.each([
    ['boundedLoad', { boundedLoad: 1 }],
    ['boundedLoad', { boundedLoad: Number.NaN }],
    ['replicas', { replicas: 0 }],
    ['replicas', { replicas: 1.5 }],
    ['key', { key: 'nothing' as 'path' }],
  ])('refuses a wrong %s', (path, options) => {
    const build = () => ringHash({ key: 'path', ...options })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `ringHash.${path}` }))
  })
})
