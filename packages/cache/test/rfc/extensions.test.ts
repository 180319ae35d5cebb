/** What RFC 5861, 9211, 9213 and 9875 ask of a cache, each requirement with its section; No-Vary-Search and QUERY beside them. */
import { describe, expect, it } from 'vitest'
import { cacheGroupTag } from '../../src/index.ts'
import { setUp } from '../set-up.ts'
import { play, row } from './steps.ts'

const FRESH = { 'Cache-Control': 'max-age=100' }
const first = { is: 'miss', answer: FRESH } as const

describe.each([
  row('5861, 4', 'stale-if-error: stands in for a 500', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2, stale-if-error=60' } },
    {
      is: 'miss',
      after: 10,
      answerStatus: 500,
      status: 200,
      text: 'reply 1',
      has: { 'cache-status': 'sluice; fwd=stale; fwd-status=500' },
    },
  ]),
  ...[502, 503, 504].map((status) =>
    row('5861, 4', `stands in for a ${status}`, [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=2, stale-if-error=60' } },
      { is: 'miss', after: 10, answerStatus: status, status: 200, text: 'reply 1' },
    ]),
  ),
  row('5861, 4', 'stands in where nobody answers', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2, stale-if-error=60' } },
    {
      is: 'miss',
      after: 10,
      fails: true,
      status: 200,
      text: 'reply 1',
      has: { age: '10', 'cache-status': 'sluice; fwd=stale' },
    },
  ]),
  row('5861, 4', 'not for other statuses', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2, stale-if-error=60' } },
    { is: 'miss', after: 10, answerStatus: 404, status: 404 },
  ]),
  row('5861, 4', 'MUST NOT once the time is over', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2, stale-if-error=60' } },
    { is: 'miss', after: 63, answerStatus: 500, status: 500 },
  ]),
  row('5861, 4', 'also where a request asks for it', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2' } },
    { is: 'miss', after: 3, send: { 'Cache-Control': 'stale-if-error=60' }, answerStatus: 500, status: 200 },
    { is: 'miss', after: 3, send: { 'Cache-Control': 'stale-if-error=1' }, answerStatus: 500, status: 500 },
    { is: 'miss', answerStatus: 500, status: 500 },
  ]),
  row(
    '5861, 4',
    'or an option does',
    [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=2' } },
      { is: 'miss', after: 3, answerStatus: 500, status: 200 },
    ],
    { staleIfErrorMs: 60_000 },
  ),
  row(
    '5861, 4',
    'an option does not overrule a response',
    [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=2, stale-if-error=0' } },
      { is: 'miss', after: 3, answerStatus: 500, status: 500 },
    ],
    { staleIfErrorMs: 60_000 },
  ),
  row('5861, 3', 'stale-while-revalidate: MUST NOT once the time is over', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=1, stale-while-revalidate=4' } },
    { is: 'miss', after: 6, text: 'reply 2' },
  ]),
  row('5861, 3', 's-maxage forbids it', [
    { is: 'miss', answer: { 'Cache-Control': 's-maxage=1, stale-while-revalidate=60' } },
    { is: 'miss', after: 2, text: 'reply 2' },
  ]),

  row('9213, 2.2', 'a targeted field comes before Cache-Control and Expires', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'max-age=100', 'Cache-Control': 'max-age=1', Expires: '0', Date: 0 } },
    { is: 'hit', after: 3 },
  ]),
  row('9213, 2.2', 'also where it is shorter', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'max-age=1', 'Cache-Control': 'max-age=100' } },
    { is: 'miss', after: 3 },
  ]),
  row('9213, 2.2', 'Cache-Control MUST be ignored', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'max-age=100', 'Cache-Control': 'no-store' } },
    { is: 'hit', after: 3 },
  ]),
  row('9213, 2.2', 'Expires MUST be ignored', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'x', Expires: 100, Date: 0 } },
    { is: 'miss' },
  ]),
  ...['no-store', 'private', 'no-cache', 'max-age=0'].map((directive) =>
    row('9213, 2.1', `MUST implement ${directive}`, [
      { is: 'miss', answer: { 'CDN-Cache-Control': directive, ...FRESH } },
      { is: 'miss' },
    ]),
  ),
  row('9213, 2.1', 'MUST implement must-revalidate', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'max-age=2, must-revalidate, stale-if-error=60' } },
    { is: 'miss', after: 3, answerStatus: 500, status: 500 },
  ]),
  ...['max-age=10000, &&&&&', 'MaX-aGe=3600', 'max-age =100', 'max-age= 100', 'max-age=100,', ''].map((value) =>
    row('9213, 2.1', `MUST ignore what does not parse: "${value}"`, [
      { is: 'miss', answer: { 'CDN-Cache-Control': value, 'Cache-Control': 'no-store' } },
      { is: 'miss' },
      { is: 'miss', path: '/b', answer: { 'CDN-Cache-Control': value, ...FRESH } },
      { is: 'hit', path: '/b' },
    ]),
  ),
  ...['max-age="10000"', 'max-age=100.0', 'max-age'].map((value) =>
    row('9213, 2.1', `ignores a value of the wrong type: ${value}`, [
      { is: 'miss', answer: { 'CDN-Cache-Control': value, 'Cache-Control': 'no-store' } },
      { is: 'miss' },
    ]),
  ),
  row('9213, 2.1', 'a directive that is false is not there', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'max-age=100, no-store=?0' } },
    { is: 'hit' },
  ]),
  row('9213, 2.1', 'takes large lifetimes and extensions', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'foo;a=1;b, bar=(1 "x" y), max-age=99999999999' } },
    { is: 'hit', after: 3 },
  ]),
  row('9213, 3', 'counts Age', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'max-age=3600', Age: '7200', Date: 0 } },
    { is: 'miss' },
  ]),
  row('9213, 3', 'passes the field on', [
    { is: 'miss', answer: { 'CDN-Cache-Control': 'foo', ...FRESH }, has: { 'cdn-cache-control': 'foo' } },
  ]),
  row(
    '9213, 2.2',
    'the first of the target list counts',
    [
      { is: 'miss', answer: { 'CDN-Cache-Control': 'max-age=1', 'Sluice-Cache-Control': 'max-age=100' } },
      { is: 'hit', after: 3 },
      { is: 'miss', path: '/b', answer: { 'CDN-Cache-Control': 'max-age=100', 'Sluice-Cache-Control': '&' } },
      { is: 'hit', path: '/b', after: 3 },
    ],
    { targetedFields: ['Sluice-Cache-Control', 'CDN-Cache-Control'] },
  ),

  row(
    '9211, 2',
    'adds a member for this cache, named by a token or a string',
    [
      { is: 'miss', answer: FRESH, has: { 'cache-status': '"my \\"cache\\""; fwd=uri-miss; stored' } },
      { is: 'hit', has: { 'cache-status': '"my \\"cache\\""; hit; ttl=100' } },
    ],
    { name: 'my "cache"' },
  ),
  row('9211, 2', 'SHOULD preserve members of other caches', [
    {
      is: 'miss',
      answer: { ...FRESH, 'Cache-Status': 'Origin; hit' },
      has: { 'cache-status': 'Origin; hit, sluice; fwd=uri-miss; stored' },
    },
    { is: 'hit', has: { 'cache-status': 'Origin; hit, sluice; hit; ttl=100' } },
  ]),
  row('9211, 2.2', 'tells why a request went on', [
    {
      is: 'miss',
      answer: { 'Cache-Control': 'max-age=10', Vary: 'A', ETag: '"a"' },
      has: { 'cache-status': 'sluice; fwd=uri-miss; stored' },
    },
    { is: 'miss', send: { A: '1' }, has: { 'cache-status': 'sluice; fwd=vary-miss' } },
    { is: 'miss', method: 'POST', path: '/p', content: 'x', has: { 'cache-status': 'sluice; fwd=method' } },
    { is: 'miss', path: '/p', content: 'x', has: { 'cache-status': 'sluice; fwd=bypass' } },
    {
      is: 'confirmed',
      send: { 'Cache-Control': 'no-cache' },
      answer: { 'Cache-Control': 'max-age=10' },
      has: { 'cache-status': 'sluice; fwd=request; fwd-status=304; stored' },
    },
    {
      is: 'confirmed',
      after: 11,
      answer: { 'Cache-Control': 'max-age=10' },
      has: { 'cache-status': 'sluice; fwd=stale; fwd-status=304; stored' },
    },
  ]),
  row('9211, 2.4', 'ttl is below 0 where the response is stale', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=10' } },
    { is: 'hit', after: 4, has: { 'cache-status': 'sluice; hit; ttl=6' } },
    { is: 'hit', after: 10, send: { 'Cache-Control': 'max-stale' }, has: { 'cache-status': 'sluice; hit; ttl=-4' } },
  ]),
  row(
    '9211, 2.7',
    'tells the key, and why a response was not stored, where it is told to',
    [
      {
        is: 'miss',
        answer: { 'Cache-Control': 'no-store' },
        has: { 'cache-status': 'sluice; fwd=uri-miss; detail=no-store; key="http://a.test/"' },
      },
      { is: 'miss', path: '/b', answer: FRESH },
      { is: 'hit', path: '/b', has: { 'cache-status': 'sluice; hit; ttl=100; key="http://a.test/b"' } },
    ],
    { cacheStatus: { key: true, detail: true } },
  ),
  row(
    '9211, 2',
    'can be silent',
    [
      { ...first, has: { 'cache-status': undefined } },
      { is: 'hit', has: { 'cache-status': undefined } },
    ],
    { cacheStatus: false },
  ),

  row('9875, 3', 'invalidates the groups that a reply to an unsafe request names', [
    { is: 'miss', path: '/a', answer: { ...FRESH, 'Cache-Groups': '"x", "y"' } },
    { is: 'miss', path: '/b', answer: { ...FRESH, 'Cache-Groups': '"y"' } },
    { is: 'miss', path: '/c', answer: { ...FRESH, 'Cache-Groups': '"z"' } },
    { is: 'miss', path: '/p', method: 'POST', content: 'x', answer: { 'Cache-Group-Invalidation': '"x";a=1, "y"' } },
    { is: 'miss', path: '/a' },
    { is: 'miss', path: '/b' },
    { is: 'hit', path: '/c' },
  ]),
  row('9875, 3', 'MUST ignore it in replies to safe requests', [
    { is: 'miss', path: '/a', answer: { ...FRESH, 'Cache-Groups': '"x"' } },
    { is: 'miss', path: '/p', answer: { 'Cache-Group-Invalidation': '"x"' } },
    { is: 'hit', path: '/a' },
  ]),
  row('9875, 3', 'not after an error', [
    { is: 'miss', path: '/a', answer: { ...FRESH, 'Cache-Groups': '"x"' } },
    {
      is: 'miss',
      path: '/p',
      method: 'PUT',
      content: 'x',
      answerStatus: 500,
      answer: { 'Cache-Group-Invalidation': '"x"' },
    },
    { is: 'hit', path: '/a' },
  ]),
  row('9875, 2', 'groups are those of an origin', [
    { is: 'miss', path: '/a', host: 'b.test', answer: { ...FRESH, 'Cache-Groups': '"x"' } },
    { is: 'miss', path: '/p', method: 'PUT', content: 'x', answer: { 'Cache-Group-Invalidation': '"x"' } },
    { is: 'hit', path: '/a', host: 'b.test' },
  ]),
  row('9875, 2', 'names are compared with regard to case', [
    { is: 'miss', path: '/a', answer: { ...FRESH, 'Cache-Groups': '"x"' } },
    { is: 'miss', path: '/p', method: 'PUT', content: 'x', answer: { 'Cache-Group-Invalidation': '"X"' } },
    { is: 'hit', path: '/a' },
  ]),
  ...['x', '"x', '1, "x"', '("x")'].map((value) =>
    row('9875, 2.1', `ignores what is no list of strings: ${value}`, [
      { is: 'miss', path: '/a', answer: { ...FRESH, 'Cache-Groups': '"x"' } },
      { is: 'miss', path: '/p', method: 'PUT', content: 'x', answer: { 'Cache-Group-Invalidation': value } },
      { is: 'hit', path: '/a' },
    ]),
  ),

  row(
    '10008, 2.7',
    'QUERY is answered from the store by its content',
    [
      { is: 'miss', method: 'QUERY', content: 'a', answer: FRESH },
      { is: 'hit', method: 'QUERY', content: 'a', text: 'reply 1' },
      { is: 'miss', method: 'QUERY', content: 'b', answer: FRESH },
      { is: 'miss', method: 'QUERY', content: 'a', send: { 'Content-Type': 'text/x' }, answer: FRESH },
      { is: 'miss', answer: FRESH },
      { is: 'hit', method: 'QUERY', content: 'b', text: 'reply 3' },
    ],
    { methods: ['QUERY'] },
  ),
  row('10008, 2.7', 'not without being told to', [
    { is: 'miss', method: 'QUERY', content: 'a', answer: FRESH },
    { is: 'miss', method: 'QUERY', content: 'a' },
  ]),
  row(
    '10008, 2.7',
    'a content that is too large for a key is passed on',
    [
      { is: 'miss', method: 'QUERY', content: 'abcde', answer: FRESH },
      { is: 'miss', method: 'QUERY', content: 'abcde', answer: FRESH },
    ],
    { methods: ['QUERY'], maxKeyBodyBytes: 4 },
  ),

  row('No-Vary-Search', 'parameters that make no difference', [
    { is: 'miss', path: '/a?id=1&utm=x', answer: { ...FRESH, 'No-Vary-Search': 'params=("utm")' } },
    { is: 'hit', path: '/a?id=1&utm=y', text: 'reply 1' },
    { is: 'hit', path: '/a?id=1' },
    { is: 'miss', path: '/a?id=2', answer: { ...FRESH, 'No-Vary-Search': 'params=("utm")' } },
    { is: 'miss', path: '/b?id=1', answer: FRESH },
  ]),
  row('No-Vary-Search', 'all but some, in any order', [
    {
      is: 'miss',
      path: '/a?b=1&a=2&c=3',
      answer: { ...FRESH, 'No-Vary-Search': 'key-order, params, except=("a" "b")' },
    },
    { is: 'hit', path: '/a?a=2&x=9&b=1', text: 'reply 1' },
    { is: 'miss', path: '/a?a=1&b=1' },
  ]),
  row('No-Vary-Search', 'ignored where it is malformed', [
    { is: 'miss', path: '/a?x=1', answer: { ...FRESH, 'No-Vary-Search': 'params=(utm' } },
    { is: 'miss', path: '/a?x=2' },
    { is: 'hit', path: '/a?x=1' },
  ]),
])('RFC $section', (each) => {
  it(each.must, async () => await play(each))
})

describe('stale-while-revalidate (RFC 5861, section 3)', () => {
  it('answers at once, and asks once in the background', async () => {
    const { get, wait, fake, answer, cache, errors } = setUp({
      headers: { 'Cache-Control': 'max-age=1, stale-while-revalidate=60', ETag: '"a"' },
      body: 'one',
    })
    await get()
    await wait(3)
    let release = (): void => {}
    answer({
      hold: new Promise<void>((resolve) => (release = resolve)),
      headers: { 'Cache-Control': 'max-age=10', ETag: '"b"' },
      body: 'two',
    })
    const stale = await Promise.all([get(), get(), get()])
    expect(stale.map(({ text }) => text)).toEqual(['one', 'one', 'one'])
    expect(stale[0].header('cache-status')).toBe('sluice; hit; ttl=-2')
    expect(fake.requests).toHaveLength(2)
    expect(fake.requests[1]!.header('if-none-match')).toBe('"a"')
    release()
    await wait(1)
    expect((await get()).text).toBe('two')
    expect(fake.requests).toHaveLength(2)
    expect(cache.snapshot()).toMatchObject({ hits: 4, stale: 3, revalidated: 1, fetching: 0 })
    expect(errors).toEqual([])
  })

  it('leaves what is stored where the upstream fails, and does not ask again at once', async () => {
    const { get, wait, fake, answer, errors } = setUp({
      headers: { 'Cache-Control': 'max-age=1, stale-while-revalidate=60' },
      body: 'one',
    })
    await get()
    await wait(2)
    answer({ status: 503 })
    await get()
    await wait(0.1)
    expect((await get()).text).toBe('one')
    await wait(0.1)
    expect(fake.requests).toHaveLength(2)
    await wait(2)
    expect((await get()).text).toBe('one')
    await wait(0.1)
    expect(fake.requests).toHaveLength(3)
    expect(errors).toEqual([])
  })

  it('is no business of the client whose request began it', async () => {
    const { proxy, get, wait, answer, fake, errors } = setUp({
      headers: { 'Cache-Control': 'max-age=1, stale-while-revalidate=60' },
      body: 'one',
    })
    await get()
    await wait(2)
    answer({ headers: { 'Cache-Control': 'max-age=100' }, body: 'two', delayMs: 1_000 })
    const reply = await proxy.inject({ path: '/', headers: {} })
    reply.exchange.abort()
    await wait(2)
    expect(fake.requests[1]!.aborted).toBe(false)
    expect((await get()).text).toBe('two')
    expect(proxy.inFlight).toBe(0)
    expect(errors).toEqual([])
  })
})

it('names cache groups as tags of their origin, for purges', async () => {
  const { get, cache, fake } = setUp({ headers: { 'Cache-Control': 'max-age=100', 'Cache-Groups': '"x"' } })
  await get()
  expect(await cache.purge({ tags: [cacheGroupTag('http://localhost', 'x')] })).toBe(1)
  await get()
  expect(fake.requests).toHaveLength(2)
})
