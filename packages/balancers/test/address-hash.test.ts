import { describe, expect, it } from 'vitest'
import { hashAddress } from '../src/address-hash.ts'

const hash = (address: string, ipv4Bits = 32, ipv6Bits = 64) => hashAddress(address, ipv4Bits, ipv6Bits, 0)

describe('the hash of an address', () => {
  it.each([
    ['2001:db8::1', '2001:0DB8:0:0:0:0:0:1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['::', '0::0'],
    ['1::', '1:0:0:0:0:0:0:0'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['2001:db8::a:b', '2001:db8:0:0:0:0:a:b'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
  ])('is the same for the spellings %s and %s', (one, other) => {
    expect(hash(one, 32, 128)).toBe(hash(other, 32, 128))
  })

  it('takes the /64 of IPv6 and all of IPv4', () => {
    expect(hash('2001:db8:1:2::1')).toBe(hash('2001:db8:1:2:ffff:ffff:ffff:ffff'))
    expect(hash('2001:db8:1:2::1')).not.toBe(hash('2001:db8:1:3::1'))
    expect(hash('192.0.2.1')).not.toBe(hash('192.0.2.2'))
  })

  it.each([0, 1, 8, 23, 24, 31, 32])('takes /%i of IPv4', (bits) => {
    const base = 0xc0a81234
    for (let bit = 0; bit < 32; bit++) {
      const other = (base ^ (1 << (31 - bit))) >>> 0
      expect(hash(dotted(base), bits) === hash(dotted(other), bits)).toBe(bit >= bits)
    }
  })

  it.each([0, 1, 48, 56, 63, 64, 65, 127, 128])('takes /%i of IPv6', (bits) => {
    const base = 0x20010db8_12345678_9abcdef0_13572468n
    for (let bit = 0; bit < 128; bit++) {
      const other = base ^ (1n << BigInt(127 - bit))
      expect(hash(colons(base), 32, bits) === hash(colons(other), 32, bits)).toBe(bit >= bits)
    }
  })

  it('takes what is no address as the text it is', () => {
    const texts = ['unknown', '_hidden', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.', '.1.2.3']
    expect(new Set(texts.map((text) => hash(text))).size).toBe(texts.length)
  })

  it('does not remember the address before', () => {
    const before = hash('1:2:3:4:5:6:7:8', 32, 128)
    const plain = hash('::', 32, 128)
    hash('1:2:3:4:5:6:7:8', 32, 128)
    expect(hash('::', 32, 128)).toBe(plain)
    expect(hash('1:2:3:4:5:6:7:8', 32, 128)).toBe(before)
  })
})

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}

function colons(address: bigint): string {
  return address
    .toString(16)
    .padStart(32, '0')
    .replaceAll(/(.{4})(?=.)/g, '$1:')
}
