import { isIP } from 'node:net'
import { systemClock } from '@sluice/wire'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAddress } from '../../src/addresses/read-address.ts'
import { AddressSet, ConfigError } from '../../src/index.ts'

const setOf = (...entries: string[]) => new AddressSet(entries, (index) => `list[${index}]`)

/** An address as one number, its version and how many bits that has; written for the test, by way of what `URL` makes of it. */
function numberOf(address: string): { readonly version: 4 | 6; readonly value: bigint; readonly bits: number } {
  if (!address.includes(':')) {
    const value = address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
    return { version: 4, value, bits: 32 }
  }
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':'))
  const [before, behind] = [groupsOf(head), groupsOf(tail ?? '')]
  const zeros = Array.from({ length: 8 - before.length - behind.length }, () => '0')
  const groups = [...before, ...(tail === undefined ? [] : zeros), ...behind]
  const value = groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
  return value >> 32n === 0xffffn
    ? { version: 4, value: value & 0xffffffffn, bits: 32 }
    : { version: 6, value, bits: 128 }
}

function naiveHas(entries: readonly string[], address: string): boolean {
  const asked = numberOf(address)
  return entries.some((entry) => {
    const [text = '', length] = entry.split('/')
    const { version, value, bits } = numberOf(text)
    if (version !== asked.version) return false
    const isMapped = version === 4 && text.includes(':')
    const kept = length === undefined ? bits : isMapped ? Number(length) - 96 : Number(length)
    const shift = BigInt(bits - kept)
    return value >> shift === asked.value >> shift
  })
}

const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
const grouped = (groups: readonly number[]) => groups.map((group) => group.toString(16)).join(':')
/** Few different bits, so that ranges lie within, beside and on top of each other. */
const v4 = fc
  .tuple(fc.constantFrom(0, 10, 127, 128, 192, 255), fc.nat(3), fc.nat(255), fc.nat(255))
  .map(([a, b, c, d]) => dotted(((a << 24) | (b << 16) | (c << 8) | d) >>> 0))
const v6 = fc
  .tuple(
    fc.constantFrom(0, 0x2001, 0xfe80),
    fc.constantFrom(0, 0xdb8),
    fc.nat(1),
    fc.nat(1),
    fc.nat(1),
    fc.nat(1),
    fc.nat(0xffff),
    fc.nat(0xffff),
  )
  .map(grouped)
const compressed = v6.map((address) => new URL(`http://[${address}]`).hostname.slice(1, -1))
const mapped = v4.map((address) => `::ffff:${address}`)
const address = fc.oneof(v4, v6, compressed, mapped)
const entry = fc.oneof(
  address,
  fc.tuple(v4, fc.nat(32)).map(([base, length]) => `${base}/${length}`),
  fc.tuple(fc.oneof(v6, compressed), fc.nat(128)).map(([base, length]) => `${base}/${length}`),
  fc.tuple(mapped, fc.nat(32)).map(([base, length]) => `${base}/${length + 96}`),
)

describe('AddressSet', () => {
  it('has what a look at each of its ranges finds, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 40 }),
        fc.array(address, { minLength: 1, maxLength: 20 }),
        (entries, asked) => {
          const set = setOf(...entries)
          // Also the entries' own addresses, which random ones seldom hit.
          for (const each of [...asked, ...entries.map((text) => text.split('/')[0]!)])
            expect([each, set.has(each)]).toEqual([each, naiveHas(entries, each)])
        },
      ),
      { numRuns: 500 },
    )
  })

  it.each([
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['::', '::1.2.3.4']],
    ['::/0', ['::', 'ffff::', '2001:db8::1'], ['1.2.3.4', '::ffff:1.2.3.4']],
    ['::ffff:0:0/96', ['1.2.3.4', '::ffff:1.2.3.4', '::FFFF:102:304'], ['::1']],
    ['::ffff:10.0.0.0/104', ['10.255.0.1'], ['11.0.0.1']],
    ['10.1.2.3/8', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
    ['128.0.0.0/1', ['128.0.0.0', '255.0.0.1'], ['127.255.255.255']],
    ['2001:db8::/33', ['2001:db8:7fff::1'], ['2001:db8:8000::1', '2001:db9::']],
    ['fe80::/10', ['fe80::1%eth0', 'febf::1'], ['fec0::1']],
    [
      '192.0.2.1',
      ['192.0.2.1'],
      ['192.0.2.0', '192.0.2.2', '192.0.2.01', '192.0.2.1 ', '', 'a.test', '192.0.2', '192.0.2.1.1'],
    ],
  ])('%s has %j and not %j', (range, inside, outside) => {
    const set = setOf(range)
    expect(inside.filter((each) => !set.has(each))).toEqual([])
    expect(outside.filter((each) => set.has(each))).toEqual([])
  })

  it('is empty where nothing is in it', () => {
    expect([setOf().has('1.2.3.4'), setOf().has('::1'), setOf().bytes, setOf().size]).toEqual([false, false, 0, 0])
  })

  it.each([
    '::ffff:0:0/95',
    '::ffff:10.0.0.0/8',
    'fe80::1%eth0',
    '1.2.3.4/',
    '1.2.3.4/33',
    '/8',
    '1.2.3.4//8',
    'a::g',
    7,
    null,
  ])('refuses %j and says which it was', (bad) => {
    const build = () => setOf('10.0.0.0/8', bad as string)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: 'list[1]' }))
  })

  it('takes 100,000 ranges in less than a second and in flat memory, and answers in less than a microsecond', () => {
    const random = (seed: number) => () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
    const next = random(7)
    const whole = (below: number) => Math.floor(next() * below)
    const entries = Array.from({ length: 100_000 }, (_, i) =>
      i % 2 === 0
        ? `${dotted(whole(2 ** 32))}/${16 + whole(17)}`
        : `2001:db8:${whole(65_536).toString(16)}:${whole(65_536).toString(16)}::/${32 + whole(33)}`,
    )
    const start = process.cpuUsage()
    const set = setOf(...entries)
    const { user, system } = process.cpuUsage(start)
    expect(user + system).toBeLessThan(1_000_000)
    expect(set.bytes).toBeLessThan(2.8e6)
    const asked = Array.from({ length: 1_000 }, () => dotted(whole(2 ** 32)))
    let found = 0
    // The best of several: what else the machine does only ever adds time.
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 20; round++) {
      const from = systemClock.now()
      for (const each of asked) if (set.has(each)) found++
      best = Math.min(best, systemClock.now() - from)
    }
    expect(found).toBeGreaterThan(0)
    expect(best).toBeLessThan(1)
  })
})

describe('readAddress', () => {
  const words = new Uint32Array(4)
  // What reads them differently from Node would let an address in under another name.
  it('takes for an address what Node takes for one', () => {
    const pieces = fc.constantFrom(
      '0',
      '1',
      '255',
      '256',
      '00',
      '01',
      'ffff',
      '10000',
      'abcd',
      'g',
      ':',
      '::',
      '.',
      ' ',
      '1.2.3.4',
      '/',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 17 }).map((all) => all.join('')),
          address,
          fc.string().filter((text) => !text.includes('%')),
        ),
        (text) => {
          const version = isIP(text)
          // A mapped address is one of IPv4 here.
          expect([text, readAddress(text, words) !== 0]).toEqual([text, version !== 0])
          if (version === 4) expect(readAddress(text, words)).toBe(4)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('passes over a zone, which has to be there', () => {
    const versions = ['fe80::1%eth0', 'fe80::1%', '%eth0', '1.2.3.4%eth0'].map((text) => readAddress(text, words))
    expect(versions).toEqual([6, 0, 0, 0])
  })

  it('reads every spelling of an address as the same bits', () => {
    for (const text of [
      '2001:db8::1',
      '2001:0DB8:0:0:0:0:0:1',
      '2001:db8:0::0:1',
      '2001:db8::0.0.0.1',
      '2001:db8::1%1',
    ]) {
      expect([text, readAddress(text, words), ...words]).toEqual([text, 6, 0x20010db8, 0, 0, 1])
    }
    expect(readAddress('::ffff:c000:0201', words)).toBe(4)
    expect(words[0]).toBe(0xc0000201)
  })
})
