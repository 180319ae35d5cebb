/** Which requests have one key, by options; and what floods of keys and variants come to. */
import { describe, expect, it } from 'vitest'
import { httpCache, memoryStore } from '../src/index.ts'
import { setUp, type SetUpOptions } from './set-up.ts'

const FRESH = { 'Cache-Control': 'max-age=100' }

/** Asks for each, and gives how many times the upstream was asked. */
async function asked(options: SetUpOptions, requests: readonly (readonly [string, Record<string, string>?])[]) {
  const { get, fake, errors } = setUp({ headers: FRESH }, options)
  for (const [path, headers] of requests) await get(path, headers)
  expect(errors).toEqual([])
  return fake.requests.length
}

describe('the query', () => {
  it.each([
    ['all of it', {}, ['/a?x=1&y=2', '/a?y=2&x=1', '/a?x=1', '/a', '/a?'], 5],
    ['none of it', { query: 'none' }, ['/a?x=1&y=2', '/a?x=3', '/a', '/b'], 2],
    ['what is allowed', { query: { allow: ['x'] } }, ['/a?x=1&y=2', '/a?y=9&x=1', '/a?x=1', '/a?x=2'], 2],
    [
      'all but what is ignored',
      { query: { ignore: ['utm'] } },
      ['/a?utm=1', '/a', '/a?x=1&utm', '/a?utm=2&x=1', '/a?%75tm=1'],
      3,
    ],
    ['in any order', { sortQuery: true }, ['/a?x=1&y=2', '/a?y=2&x=1', '/a?x=2&x=1', '/a?x=1&x=2'], 3],
  ] as const)('counts: %s', async (_, key, paths, times) => {
    expect(
      await asked(
        { key },
        paths.map((path): [string] => [path]),
      ),
    ).toBe(times)
  })
})

describe('beside the URL', () => {
  it('named cookies count, and others do not', async () => {
    const requests = ['lang=de; id=1', 'id=2; lang=de', 'lang=en', 'lang="de"', 'id=3', ''].map(
      (cookie) => ['/', { Cookie: cookie }] as const,
    )
    expect(await asked({ key: { cookies: ['lang'] } }, requests)).toBe(4)
  })

  it('named fields count', async () => {
    const requests = [{ 'X-Tenant': 'a' }, { 'X-Tenant': 'b' }, { 'X-Tenant': 'a', 'X-Other': '1' }, {}].map(
      (headers) => ['/', headers as Record<string, string>] as const,
    )
    expect(await asked({ key: { headers: ['X-Tenant'] } }, requests)).toBe(3)
  })

  it('anything else does that a function says', async () => {
    const key = { extra: ({ request }: { request: { path: string } }) => String(request.path.length) }
    expect(await asked({ key }, [['/a'], ['/a'], ['/b']])).toBe(2)
  })

  it('one part never runs into another', async () => {
    const requests: [string, Record<string, string>][] = [
      ['/', { A: '1', B: '' }],
      ['/', { A: '', B: '1' }],
      ['/', { A: '1\tb=' }],
    ]
    expect(await asked({ key: { headers: ['a', 'b'] } }, requests)).toBe(3)
  })

  it('the scheme counts', async () => {
    const { send, fake } = setUp({ headers: FRESH })
    for (const secure of [false, true, false]) await send({ peer: { secure } })
    expect(fake.requests).toHaveLength(2)
  })
})

describe('floods', () => {
  const maxBytes = 1_048_576

  it('of keys stay within the bytes of the store', async () => {
    const { send, cache } = setUp({ headers: FRESH, body: 'x'.repeat(500) }, { store: memoryStore({ maxBytes }) })
    for (let i = 0; i < 3_000; i++) await send({ path: `/?${String(i).repeat(200)}` })
    expect(cache.snapshot().store.bytes).toBeLessThanOrEqual(maxBytes)
    expect(cache.snapshot().store.evictions).toBeGreaterThan(0)
  })

  it('of variants are bounded for each URL', async () => {
    const { get, cache, fake } = setUp({ headers: { ...FRESH, Vary: 'Foo' } }, { maxVariants: 4 })
    for (let i = 0; i < 100; i++) await get('/', { Foo: String(i).padEnd(2_000, 'x') })
    // And what stands for them under their URL.
    expect(cache.snapshot().store.entries).toBeLessThanOrEqual(5)
    fake.reset()
    await get('/', { Foo: '99'.padEnd(2_000, 'x') })
    expect(fake.requests).toHaveLength(0)
  })

  it('of ways to vary are bounded too', async () => {
    let count = 0
    const { get, cache, errors } = setUp(() => ({ headers: { ...FRESH, Vary: `X-${count++}` } }))
    for (let i = 0; i < 50; i++) await get('/', { [`X-${i}`]: '1' })
    expect(cache.snapshot().store.entries).toBeLessThanOrEqual(17)
    expect(errors).toEqual([])
  })

  it.each([Array.from({ length: 20 }, (_, i) => `a${i}`).join(), 'a'.repeat(1_000), 'a b', 'a;b', '"a"'])(
    'a hostile Vary is not stored: %.20s',
    async (vary) => {
      const { get, cache } = setUp({ headers: { ...FRESH, Vary: vary } })
      await get()
      expect(cache.snapshot()).toMatchObject({ stored: 0, refused: 1 })
    },
  )

  it('of tags are not stored, since a purge would miss some', async () => {
    const { get, cache } = setUp({
      headers: { ...FRESH, 'Surrogate-Key': Array.from({ length: 600 }, (_, i) => i).join(' ') },
    })
    await get()
    expect(cache.snapshot()).toMatchObject({ stored: 0, refused: 1 })
  })
})

it('is built with a store', () => {
  expect(() => httpCache({} as never)).toThrow('httpCache.store')
})
