import { HeaderList, type HeaderListInit } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { ForwardedPolicy } from '../../src/entrance/forwarded.ts'
import { ConfigError, type ForwardedOptions, type Peer } from '../../src/index.ts'

const peerOf = (address: string, secure = false): Peer => ({ address, port: 1, secure })

function admit(options: ForwardedOptions, address: string, init: HeaderListInit, secure = false) {
  const headers = new HeaderList(init)
  const client = new ForwardedPolicy(options, 'forwarded').admit(headers, peerOf(address, secure))
  return { client, headers, address: client.address, scheme: client.scheme }
}

const trusted: ForwardedOptions = { trust: ['10.0.0.0/8', '192.168.1.1', 'fd00::/8', '::1'] }

describe('a peer that is not trusted', () => {
  it('is the client itself, and what it writes about clients is dropped', () => {
    const forged = {
      'X-Forwarded-For': '1.1.1.1',
      'X-Forwarded-Proto': 'https',
      'x-forwarded-anything': 'x',
      X_Forwarded_For: '2.2.2.2',
      'x-forwarded_host': 'evil',
      Forwarded: 'for=1.1.1.1',
      'X-Real-IP': '1.1.1.1',
      'Client-Cert': ':x:',
      'Client-Cert-Chain': ':x:',
      'X-Kept': '1',
    }
    for (const options of [{}, trusted, { trust: [] }]) {
      const { address, scheme, headers } = admit(options, '9.9.9.9', forged)
      expect([address, scheme]).toEqual(['9.9.9.9', 'http'])
      expect(headers.raw()).toEqual(['X-Kept', '1'])
    }
    expect(admit({}, '9.9.9.9', {}, true).scheme).toBe('https')
  })
})

describe('a number of trusted hops', () => {
  const hops = (trustedHops: number, address: string, fields: HeaderListInit) =>
    admit({ trustedHops }, address, fields).address

  it.each([
    [1, '5.5.5.5', '5.5.5.5'],
    [1, '1.1.1.1, 5.5.5.5', '5.5.5.5'],
    [2, '1.1.1.1, 5.5.5.5, 6.6.6.6', '5.5.5.5'],
    [3, '5.5.5.5, 6.6.6.6', '5.5.5.5'],
    [2, 'unknown, 6.6.6.6', '6.6.6.6'],
    [2, '', '9.9.9.9'],
  ])('of %i reads %j as %s', (trustedHops, list, client) => {
    expect(hops(trustedHops, '9.9.9.9', { 'X-Forwarded-For': list })).toBe(client)
  })

  it('of 0 believes nobody, and keeps nothing that a client has written', () => {
    const { address, headers } = admit({ trustedHops: 0 }, '9.9.9.9', { 'X-Forwarded-For': '5.5.5.5', 'X-Kept': '1' })
    expect([address, headers.raw()]).toEqual(['9.9.9.9', ['X-Kept', '1']])
  })

  it('is the peer where the proxies in front say nothing', () => {
    expect(hops(2, '9.9.9.9', {})).toBe('9.9.9.9')
  })

  it('has to be a number, and to stand alone', () => {
    for (const options of [
      { trustedHops: -1 },
      { trustedHops: 1.5 },
      { trustedHops: '1' as never },
      { trustedHops: 1, trust: ['10.0.0.1'] },
    ])
      expect(() => new ForwardedPolicy(options, 'forwarded')).toThrow(
        expect.objectContaining({ path: 'forwarded.trustedHops', code: 'ERR_SLUICE_CONFIG' }),
      )
  })
})

describe('the trust list', () => {
  it.each([
    ['10.1.2.3', true],
    ['11.0.0.1', false],
    ['192.168.1.1', true],
    ['192.168.1.2', false],
    ['fd12::1', true],
    ['fe80::1', false],
    ['::1', true],
    ['::ffff:10.1.2.3', true],
    ['::ffff:11.1.2.3', false],
    ['', false],
    ['not an address', false],
  ])('has %s: %s', (peer, isTrusted) => {
    expect(admit(trusted, peer, { 'X-Forwarded-For': '5.5.5.5' }).address).toBe(isTrusted ? '5.5.5.5' : peer)
  })

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8.5',
    '10.0.0.0/0x8',
    '10.0.0.0/ 8',
    '10.0.0/8',
    '::/129',
    'a.test',
    '',
    '1.2.3.4/8/8',
    7,
  ])('refuses %j with its path', (entry) => {
    const build = () => new ForwardedPolicy({ trust: ['10.0.0.0/8', entry as string] }, 'forwarded')
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: 'forwarded.trust[1]' }))
  })

  it('refuses what is no list, and fields that it does not know', () => {
    expect(() => new ForwardedPolicy({ trust: '10.0.0.0/8' as never }, 'forwarded')).toThrow(
      expect.objectContaining({ path: 'forwarded.trust' }),
    )
    expect(() => new ForwardedPolicy({ fields: 'x' as never }, 'forwarded')).toThrow(
      expect.objectContaining({ path: 'forwarded.fields' }),
    )
  })
})

describe('X-Forwarded-For from a trusted peer', () => {
  it.each([
    ['5.5.5.5', '5.5.5.5'],
    ['6.6.6.6, 5.5.5.5', '5.5.5.5'],
    ['6.6.6.6, 5.5.5.5, 10.0.0.2, 192.168.1.1', '5.5.5.5'],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['5.5.5.5:4711', '5.5.5.5'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['5.5.5.5, fd00::2', '5.5.5.5'],
    // What is no address stops the walk: the last one that is known stands.
    ['5.5.5.5, unknown', '10.0.0.1'],
    ['5.5.5.5, garbage, 10.0.0.2', '10.0.0.2'],
    ['5.5.5.5, , 10.0.0.2', '10.0.0.2'],
    ['', '10.0.0.1'],
    ['5.5.5.5, [::1', '10.0.0.1'],
    ['5.5.5.5, [::1]x', '10.0.0.1'],
    ['5.5.5.5, 10.0.0.2:x', '10.0.0.1'],
  ])('%j is read from the right, to the first that is not trusted: %s', (value, address) => {
    expect(admit(trusted, '10.0.0.1', { 'X-Forwarded-For': value }).address).toBe(address)
  })

  it('of several fields is one list', () => {
    expect(admit(trusted, '10.0.0.1', { 'X-Forwarded-For': ['6.6.6.6', '5.5.5.5, 10.0.0.2'] }).address).toBe('5.5.5.5')
  })

  it('is believed to its beginning with "all"', () => {
    expect(admit({ trust: 'all' }, '9.9.9.9', { 'X-Forwarded-For': '6.6.6.6, 5.5.5.5' }).address).toBe('6.6.6.6')
    expect(admit({ trust: 'all' }, '', { 'X-Forwarded-For': '6.6.6.6' }).address).toBe('6.6.6.6')
  })

  it('stays in the request, with its scheme', () => {
    const { headers, scheme } = admit(trusted, '10.0.0.1', {
      'X-Forwarded-For': '5.5.5.5',
      'X-Forwarded-Proto': 'http, HTTPS',
    })
    expect(headers.get('x-forwarded-for')).toBe('5.5.5.5')
    expect(scheme).toBe('https')
    expect(admit(trusted, '10.0.0.1', { 'X-Forwarded-Proto': 'ftp' }, true).scheme).toBe('http')
    expect(admit(trusted, '10.0.0.1', { 'X-Forwarded-For': '5.5.5.5' }, true).scheme).toBe('https')
  })
})

describe('Forwarded from a trusted peer', () => {
  it.each([
    ['for=5.5.5.5', '5.5.5.5'],
    ['For="5.5.5.5:80";proto=https', '5.5.5.5'],
    ['proto=http; for="[2001:db8::1]:4711"', '2001:db8::1'],
    ['for=6.6.6.6, for=5.5.5.5;by=10.0.0.1, for=10.0.0.2', '5.5.5.5'],
    ['for=_hidden', '10.0.0.1'],
    ['for=unknown, for=10.0.0.2', '10.0.0.2'],
    ['proto=https', '10.0.0.1'],
    ['for=5.5.5.5, for="[::1"', '10.0.0.1'],
    // A host that the client chose is quoted, and can hold what looks like elements and pairs.
    ['for=5.5.5.5;host="x,for=6.6.6.6"', '5.5.5.5'],
    ['host="x;for=6.6.6.6";for=5.5.5.5', '5.5.5.5'],
    ['host="x\\",for=6.6.6.6";for=5.5.5.5', '5.5.5.5'],
    // A quote that the client opened and did not close hides nothing of what comes after it.
    ['for="6.6.6.6, for=5.5.5.5', '5.5.5.5'],
    ['for=6.6.6.6;host=", for="5.5.5.5"', '5.5.5.5'],
  ])('%s names %s', (value, address) => {
    expect(admit({ ...trusted, fields: 'forwarded' }, '10.0.0.1', { Forwarded: value }).address).toBe(address)
  })

  it('gives the scheme too', () => {
    const options: ForwardedOptions = { ...trusted, fields: 'forwarded' }
    expect(admit(options, '10.0.0.1', { Forwarded: 'for=5.5.5.5;proto=https' }).scheme).toBe('https')
  })
})

describe('the family that is not spoken', () => {
  const both = { 'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Proto': 'https', Forwarded: 'for=5.5.5.5;proto=http' }

  it('is neither believed nor passed on, even from a trusted peer', () => {
    const forwarded = admit({ ...trusted, fields: 'forwarded' }, '10.0.0.1', both)
    expect([forwarded.address, forwarded.scheme]).toEqual(['5.5.5.5', 'http'])
    expect(forwarded.headers.raw()).toEqual(['Forwarded', 'for=5.5.5.5;proto=http'])
    const family = admit(trusted, '10.0.0.1', both)
    expect([family.address, family.scheme]).toEqual(['6.6.6.6', 'https'])
    expect(family.headers.has('forwarded')).toBe(false)
  })

  it('does not exist with "both"', () => {
    expect(admit({ ...trusted, fields: 'both' }, '10.0.0.1', { Forwarded: 'for=5.5.5.5' }).address).toBe('5.5.5.5')
  })
})

describe('what an upstream is told', () => {
  function told(
    options: ForwardedOptions,
    address: string,
    init: HeaderListInit = {},
    secure = false,
  ): Record<string, unknown> {
    const policy = new ForwardedPolicy(options, 'forwarded')
    const headers = new HeaderList(init)
    policy.describe(headers, policy.admit(headers, peerOf(address, secure)), 'a.test:8080')
    return headers.toJSON()
  }

  it('names the peer, the scheme and the host in X-Forwarded fields', () => {
    expect(told({}, '9.9.9.9', { 'X-Forwarded-For': 'forged' }, true)).toEqual({
      'x-forwarded-for': '9.9.9.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'a.test:8080',
    })
  })

  it('adds to what a trusted peer has sent', () => {
    const sent = { 'X-Forwarded-For': '5.5.5.5', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'outer.test' }
    expect(told(trusted, '10.0.0.1', sent)).toEqual({
      'x-forwarded-for': '5.5.5.5, 10.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'outer.test',
    })
  })

  it('is one Forwarded element for each hop, quoted where it must be', () => {
    expect(told({ fields: 'forwarded' }, '9.9.9.9')).toEqual({ forwarded: 'for=9.9.9.9;proto=http;host="a.test:8080"' })
    expect(told({ fields: 'forwarded', trust: ['::1'] }, '::1', { Forwarded: 'for=5.5.5.5' })).toEqual({
      forwarded: ['for=5.5.5.5', 'for="[::1]";proto=http;host="a.test:8080"'],
    })
    expect(told({ fields: 'forwarded' }, '')).toEqual({ forwarded: 'for=unknown;proto=http;host="a.test:8080"' })
  })

  it('is both, or nothing', () => {
    expect(Object.keys(told({ fields: 'both' }, '9.9.9.9'))).toEqual([
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-forwarded-host',
      'forwarded',
    ])
    expect(told({ fields: 'none' }, '9.9.9.9', { 'X-Forwarded-For': 'forged' })).toEqual({})
  })
})
