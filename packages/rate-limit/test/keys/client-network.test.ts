import { describe, expect, it } from 'vitest'
import { networkOf } from '../../src/keys/client-network.ts'

const network = (address: string, ipv4 = 32, ipv6 = 64) => networkOf(address, ipv4, ipv6)

describe('the network of a client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::9', '2001:db8:1:3::/64'],
    ['2001:0db8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
  ])('of %s is %s', (address, expected) => {
    expect(network(address)).toBe(expected)
  })

  it('is as wide as one says', () => {
    expect(network('192.0.2.77', 24)).toBe('192.0.2.0/24')
    expect(network('192.0.2.77', 1)).toBe('128.0.0.0/1')
    expect(network('255.255.255.255', 31)).toBe('255.255.255.254/31')
    expect(network('::ffff:192.0.2.77', 24)).toBe('192.0.2.0/24')
    expect(network('2001:db8:12ff::1', 32, 40)).toBe('2001:db8:1200::/40')
    expect(network('2001:db8:12ff::1', 32, 48)).toBe('2001:db8:12ff::/48')
    expect(network('2001:db8::1', 32, 128)).toBe('2001:db8:0:0:0:0:0:1::/128')
  })

  it.each([
    '',
    'unix',
    '1:2:3',
    '::1::2',
    '1:2:3:4:5:6:7:8:9',
    ':::',
    'g::1',
    '12345::',
    '1:2:3:4:5:6:7::8:9',
    '::1.2.3.999',
  ])('of what is no address ("%s") is that itself', (text) => {
    expect(network(text)).toBe(text)
  })
})
