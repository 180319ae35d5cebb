import { systemClock } from '@sluice/wire'
import { describe, expect, test } from 'vitest'
import { memoryKvStore } from '../../src/index.ts'
import { harnessOf } from './example-plugin.ts'

// The first may have to wait for a compiler.
describe('the lookup of countries', { timeout: 60_000 }, () => {
  test.each([
    ['192.0.2.0', 'DE'],
    ['192.0.2.255', 'DE'],
    ['198.51.100.7', 'FR'],
    ['203.0.113.99', 'JP'],
    ['::ffff:203.0.113.99', 'JP'],
    ['192.0.3.0', 'ZZ'],
    ['10.0.0.1', 'ZZ'],
    ['2001:db8::1', 'ZZ'],
  ])('says of %s that it is of %s', async (address, country) => {
    const harness = await harnessOf('geo-lookup')
    const run = await harness.run({ request: { address, headers: { 'x-country': 'US' } } })
    expect(run.faults).toEqual([])
    expect(run.forwarded?.headers.get('x-country')).toBe(country)
  })

  test('finds each of many ranges', async () => {
    const ranges = Array.from({ length: 256 }, (_, i) => ({
      range: `10.${i}.0.0/16`,
      country: i % 2 === 0 ? 'AA' : 'BB',
    }))
    const harness = await harnessOf('geo-lookup', { config: { ranges } })
    for (const i of [0, 1, 127, 128, 254, 255]) {
      const run = await harness.run({ request: { address: `10.${i}.200.1` } })
      expect(run.requestDelta.set['x-country']).toBe(i % 2 === 0 ? 'AA' : 'BB')
    }
  })

  test('refuses a country from the moment at which the store has it on the list', async () => {
    const kv = memoryKvStore(systemClock)
    const harness = await harnessOf('geo-lookup', {}, { kv })
    const from = (address: string) => harness.run({ request: { address } })
    expect((await from('198.51.100.1')).reply.status).toBe(200)
    kv.set('geo:block:FR', Buffer.from('1'), Infinity, { owner: 'operator', maxBytes: 1_000, maxEntries: 10 })
    expect((await from('198.51.100.1')).reply.status).toBe(451)
    expect((await from('192.0.2.1')).reply.status).toBe(200)
  })

  test.each([
    [['203.0.113.0/24', '192.0.2.0/24'], 'not in order, or overlap, at 192.0.2.0/24'],
    [['192.0.2.0/24', '192.0.2.128/25'], 'not in order, or overlap, at 192.0.2.128/25'],
    [['192.0.2.1/24'], 'no range of IPv4 addresses: 192.0.2.1/24'],
    [['192.0.2.0/33'], 'no range of IPv4 addresses'],
    [['192.0.256.0/24'], 'no range of IPv4 addresses'],
  ])('refuses ranges %j', async (ranges, why) => {
    const config = { ranges: ranges.map((range) => ({ range, country: 'DE' })) }
    await expect(harnessOf('geo-lookup', { config })).rejects.toThrow(why)
  })
})
