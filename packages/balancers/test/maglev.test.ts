import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { ipHash, maglev, type MaglevOptions } from '../src/index.ts'
import { maglevTable } from '../src/maglev-table.ts'
import { KeyedPool } from './keys.ts'
import { equal, exchangeOf, makeTargets, Pool, triedAt, weights } from './pool.ts'

const KEYS = 20_000
const SIZE = 65_537

const make = (configs: ConstructorParameters<typeof Pool>[1], options: Partial<MaglevOptions> = {}) =>
  new KeyedPool((key) => maglev({ tableSize: 5003, ...options, key }), configs)

function entries(table: Int32Array, size: number): number[] {
  const counts = Array.from({ length: size }, () => 0)
  for (const index of table) counts[index] = counts[index]! + 1
  return counts
}

describe('the Maglev table', () => {
  it('gives targets their share by weight, to two entries', () => {
    for (const list of [
      [1, 1, 1, 1, 1, 1, 1],
      [1, 2, 4],
      [0.1, 1, 1, 3.3],
    ]) {
      const total = list.reduce((sum, weight) => sum + weight)
      const counts = entries(maglevTable(makeTargets(weights(...list)), SIZE, 0), list.length)
      for (const [i, count] of counts.entries()) {
        expect(Math.abs(count - (SIZE * list[i]!) / total)).toBeLessThanOrEqual(2)
      }
    }
  })

  it.each([
    [10, 0.01],
    [100, 0.02],
  ])('moves little more than the entries of the one that leaves: %i targets', (count, allowance) => {
    const targets = makeTargets(equal(count))
    const before = maglevTable(targets, SIZE, 0)
    const rest = targets.filter((_, i) => i !== 3)
    const after = maglevTable(rest, SIZE, 0)
    const moved = before.reduce((sum, owner, entry) => sum + Number(targets[owner] !== rest[after[entry]!]), 0)
    const own = before.reduce((sum, owner) => sum + Number(owner === 3), 0)
    expect(moved).toBeGreaterThanOrEqual(own)
    expect((moved - own) / SIZE).toBeLessThan(allowance)
  })

  it('is the same whatever the order of the targets', () => {
    const targets = makeTargets(weights(1, 2, 3, 4, 5))
    const reversed = targets.toReversed()
    const table = Array.from(maglevTable(targets, 5003, 7), (index) => targets[index]!.key)
    expect(Array.from(maglevTable(reversed, 5003, 7), (index) => reversed[index]!.key)).toEqual(table)
    expect(Array.from(maglevTable(targets, 5003, 8), (index) => targets[index]!.key)).not.toEqual(table)
  })
})

describe('maglev', () => {
  it('gives a key the same target each time', () => {
    const pool = make(equal(10))
    const owners = pool.owners(500)
    pool.admit()
    expect(pool.owners(500)).toEqual(owners)
  })

  it('spreads keys evenly, and by weight', () => {
    for (const count of make(equal(10)).shares(KEYS)) expect(Math.abs(count / 2000 - 1)).toBeLessThan(0.1)
    const [light, heavy, none] = make(weights(1, 4, 0)).shares(KEYS)
    expect(Math.abs(heavy! / KEYS - 0.8)).toBeLessThan(0.02)
    expect(light! + heavy!).toBe(KEYS)
    expect(none).toBe(0)
  })

  it('moves no key in a slow start, and some when a configured weight changes', () => {
    const pool = make(equal(5))
    const before = pool.owners(2000)
    pool.targets[0]!.effectiveWeight = 0.1
    pool.admit()
    expect(pool.owners(2000)).toEqual(before)
    pool.targets[0]!.weight = 2
    pool.admit()
    const after = pool.owners(2000)
    expect(after.filter((target) => target === pool.targets[0]).length / 2000).toBeCloseTo(1 / 3, 1)
  })

  it('has another target for a key whose own was tried or is full: the same one each time', () => {
    const pool = make(equal(6))
    const first = pool.pickFor('ada')!
    const second = pool.pickFor('ada', triedAt(first))!
    expect(second).not.toBe(first)
    first.maxActive = first.active = 1
    expect(pool.pickFor('ada')).toBe(second)
    const others = pool.targets.filter((target) => target !== first && target !== second)
    expect(pool.pickFor('ada', triedAt(...others))).toBe(second)
    expect(pool.pickFor('ada', triedAt(second, ...others))).toBeUndefined()
  })

  it('builds the table of a thousand targets four times a second at most, and picks none that has left meanwhile', () => {
    const pool = make(equal(1200))
    const [one, two] = pool.targets
    const first = pool.owners(3000)
    pool.admit((target) => target === one)
    const withoutOne = pool.owners(3000)
    for (const [i, target] of withoutOne.entries()) if (first[i] !== one) expect(target).toBe(first[i])
    expect(withoutOne).not.toContain(one)
    pool.admit((target) => target === one || target === two)
    const between = pool.owners(3000)
    for (const [i, target] of between.entries()) if (withoutOne[i] !== two) expect(target).toBe(withoutOne[i])
    expect(between).not.toContain(two)
    pool.clock.advance(250)
    // The very table of a proxy that has begun with these.
    const other = make(equal(1200))
    other.targets = other.targets.slice(2)
    other.clock.advance(250)
    other.admit()
    expect(pool.owners(3000).map((target) => target?.key)).toEqual(other.owners(3000).map((target) => target?.key))
    // And nothing is pending once all is as it was.
    pool.clock.advance(250)
    pool.admit((target) => target === one)
    pool.admit((target) => target === one || target === two)
    const settled = pool.owners(3000)
    pool.clock.advance(1000)
    expect(pool.owners(3000).filter((target, i) => target !== settled[i]).length).toBeGreaterThan(0)
    pool.admit()
    expect(pool.owners(3000)).toEqual(first)
  })

  it('has the keys of new targets within the same time, however many have gone', () => {
    const pool = make(equal(2400))
    const [old, fresh] = [pool.targets.slice(0, 1200), new Set(pool.targets.slice(1200))]
    pool.clock.advance(250)
    pool.admit((target) => fresh.has(target))
    pool.admit((target) => !fresh.has(target))
    for (const target of pool.owners(500)) expect(fresh.has(target!)).toBe(true)
    pool.clock.advance(250)
    const owners = new Set(pool.owners(20_000))
    expect(owners.size).toBeGreaterThan(1100)
    expect(old.some((target) => owners.has(target))).toBe(false)
    pool.admit(() => true)
    expect(pool.pickFor('ada')).toBeUndefined()
  })

  it('spreads the keys of a full target over all others', () => {
    const pool = make(equal(10))
    const [full] = pool.targets
    full!.maxActive = full!.active = 1
    const counts = pool.shares(KEYS)
    expect(counts[0]).toBe(0)
    for (const count of counts.slice(1)) expect(Math.abs(count / (KEYS / 9) - 1)).toBeLessThan(0.15)
  })

  it('finds the last one with room among many', () => {
    const pool = make(equal(300))
    for (const target of pool.targets.slice(1)) target.maxActive = target.active = 1
    expect(pool.shares(50)[0]).toBe(50)
  })

  it('picks at random where there is no key', () => {
    const pool = make(equal(4))
    for (const count of pool.counts(4000, () => pool.pickFor(undefined)))
      expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it.each([
    ['tableSize', { tableSize: 65_536 }],
    ['tableSize', { tableSize: 2 }],
    ['tableSize', { tableSize: 5_000_077 }],
    ['key', { key: {} as 'path' }],
  ])('refuses a wrong %s', (path, options) => {
    const build = () => maglev({ key: 'path', ...options })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `maglev.${path}` }))
  })
})

describe('IP hash', () => {
  it('keeps a client at its target, by the /64 for IPv6', async () => {
    const pool = new Pool(ipHash(), equal(50))
    expect(pool.balancer.name).toBe('ip-hash')
    const pick = async (address: string) => pool.pick([], await exchangeOf({ address }))
    expect(await pick('2001:db8:1:2::1')).toBe(await pick('2001:db8:1:2:a:b:c:d'))
    expect(await pick('198.51.100.7')).toBe(await pick('198.51.100.7'))
    const addresses = Array.from({ length: 40 }, (_, i) => `2001:db8:1:${i}::1`)
    expect(new Set(await Promise.all(addresses.map(pick))).size).toBeGreaterThan(15)
  })

  it('takes prefixes as it is told', async () => {
    const pool = new Pool(ipHash({ ipv4PrefixLength: 24, ipv6PrefixLength: 48 }), equal(50))
    const pick = async (address: string) => pool.pick([], await exchangeOf({ address }))
    expect(await pick('198.51.100.7')).toBe(await pick('198.51.100.200'))
    expect(await pick('2001:db8:1:2::1')).toBe(await pick('2001:db8:1:ffff::1'))
  })

  it('goes by the address that trusted proxies name, and by no other', async () => {
    const { createProxy, createUpstream } = await import('@sluice/core')
    const { fakeUpstream } = await import('@sluice/testing')
    const upstream = createUpstream('pool', {
      targets: Array.from({ length: 50 }, (_, i) => `http://t${i}.test`),
      balancer: ipHash(),
      transport: fakeUpstream().transport,
    })
    const targetFor = async (trust: readonly string[], client: string) => {
      const proxy = createProxy({ forwarded: { trust } }).forward(upstream)
      const headers = { 'x-forwarded-for': client }
      const reply = await proxy.inject({ headers, peer: { address: '10.0.0.1' } })
      return reply.exchange.attempts[0]!.target.key
    }
    const clients = Array.from({ length: 20 }, (_, i) => `198.51.100.${i}`)
    const trusted = await Promise.all(clients.map(async (client) => await targetFor(['10.0.0.0/8'], client)))
    const untrusted = await Promise.all(clients.map(async (client) => await targetFor([], client)))
    expect(new Set(trusted).size).toBeGreaterThan(8)
    expect(new Set(untrusted).size).toBe(1)
  })
})
