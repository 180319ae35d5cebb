import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { hashText } from '../src/murmur3.ts'
import { MISSING, RequestHash, type HashOptions, type RequestKey } from '../src/request-hash.ts'
import { exchangeOf, type ExchangeInit } from './pool.ts'

const hashOf = async (key: RequestKey, init: ExchangeInit, options: HashOptions = {}) =>
  new RequestHash(key, options, 'maglev').of(await exchangeOf(init))

const text = (value: string, seed = 0) => hashText(value, 0, value.length, seed) >>> 1

describe('a request key', () => {
  it.each<[name: string, key: RequestKey, init: ExchangeInit, value: string | undefined]>([
    ['the path', 'path', { path: '/a/./b?c=1' }, '/a/b'],
    ['a field', { header: 'X-User' }, { headers: { 'x-user': 'ada' } }, 'ada'],
    [
      'a field with several values',
      { header: 'x-user' },
      {
        headers: [
          ['X-User', 'a'],
          ['X-User', 'b'],
        ],
      },
      'a, b',
    ],
    ['no field', { header: 'x-user' }, {}, undefined],
    ['an empty field', { header: 'x-user' }, { headers: { 'x-user': '' } }, undefined],
    ['a cookie', { cookie: 'id' }, { headers: { cookie: 'id=ada' } }, 'ada'],
    ['the first cookie of the name', { cookie: 'id' }, { headers: { cookie: 'xid=1; id=ada;  id=bob' } }, 'ada'],
    [
      'a cookie in another field line',
      { cookie: 'id' },
      {
        headers: [
          ['Cookie', 'a=1'],
          ['Cookie', 'id=ada'],
        ],
      },
      'ada',
    ],
    ['a quoted cookie', { cookie: 'id' }, { headers: { cookie: 'a=b;id="ada" ;c=d' } }, 'ada'],
    ['a cookie with an equals sign in it', { cookie: 'id' }, { headers: { cookie: 'id=a=b' } }, 'a=b'],
    ['an empty cookie', { cookie: 'id' }, { headers: { cookie: 'id=; b=c' } }, undefined],
    ['a cookie whose name only begins so', { cookie: 'id' }, { headers: { cookie: 'ids=1; i=2; xid=3' } }, undefined],
    ['a cookie of another case', { cookie: 'id' }, { headers: { cookie: 'ID=1' } }, undefined],
    ['a parameter', { query: 'user' }, { path: '/?user=ada' }, 'ada'],
    ['a parameter after others', { query: 'user' }, { path: '/user=x?a=b&users=c&user=ada&user=bob' }, 'ada'],
    ['a parameter as it is written', { query: 'user' }, { path: '/?user=a%20b' }, 'a%20b'],
    ['an empty parameter', { query: 'user' }, { path: '/?user=&b=c' }, undefined],
    ['no parameter', { query: 'user' }, { path: '/user=ada' }, undefined],
    ['a function', ({ request }) => request.method, {}, 'GET'],
    ['a function without a result', () => undefined, {}, undefined],
  ])('may be %s', async (_name, key, init, value) => {
    expect(await hashOf(key, init)).toBe(value === undefined ? MISSING : text(value))
  })

  it('may be the address of the client', async () => {
    const one = await hashOf('client-address', { address: '2001:db8::1' })
    expect(await hashOf('client-address', { address: '2001:db8::2' })).toBe(one)
    expect(await hashOf('client-address', { address: '2001:db8::2' }, { ipv6PrefixLength: 128 })).not.toBe(one)
    expect(await hashOf('client-address', { address: '' })).toBe(MISSING)
    const narrow = await hashOf('client-address', { address: '192.0.2.1' }, { ipv4PrefixLength: 24 })
    expect(await hashOf('client-address', { address: '192.0.2.9' }, { ipv4PrefixLength: 24 })).toBe(narrow)
  })

  it('is hashed with the seed', async () => {
    const init = { path: '/a' }
    expect(await hashOf('path', init, { seed: 9 })).toBe(text('/a', 9))
    expect(await hashOf('path', init, { seed: 0xffffffff })).toBe(text('/a', 0xffffffff))
    expect(await hashOf('path', init, { seed: 9 })).not.toBe(await hashOf('path', init))
  })

  it('counts what a middleware has set', async () => {
    const exchange = await exchangeOf({ headers: { 'x-user': 'eve' } })
    exchange.request.headers.set('X-User', 'ada')
    exchange.request.target = '/?user=bob'
    expect(new RequestHash({ header: 'x-user' }, {}, 'maglev').of(exchange)).toBe(text('ada'))
    expect(new RequestHash({ query: 'user' }, {}, 'maglev').of(exchange)).toBe(text('bob'))
  })

  it.each<[path: string, key: unknown, options: HashOptions]>([
    ['key', 'address', {}],
    ['key', undefined, {}],
    ['key', {}, {}],
    ['key', null, {}],
    ['key', { header: 'a', cookie: 'b' }, {}],
    ['key', { field: 'a' }, {}],
    ['key.header', { header: 'a b' }, {}],
    ['key.cookie', { cookie: 1 }, {}],
    ['key.query', { query: '' }, {}],
    ['seed', 'path', { seed: -1 }],
    ['seed', 'path', { seed: 2 ** 32 }],
    ['ipv4PrefixLength', 'client-address', { ipv4PrefixLength: 33 }],
    ['ipv6PrefixLength', 'client-address', { ipv6PrefixLength: 6.5 }],
  ])('is refused with the path %s: %j %j', (path, key, options) => {
    const build = () => new RequestHash(key as RequestKey, options, 'maglev')
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `maglev.${path}` }))
  })
})
