/** Stores that answer late, fail, or give back what was never written: clients are served all the same. */
import { describe, expect, it } from 'vitest'
import {
  cacheHit,
  cacheMiss,
  cacheRefused,
  cacheRevalidated,
  cacheStored,
  cacheStoreFailed,
  memoryStore,
  type CacheStore,
  type CacheStoreFactory,
  type EntryHead,
} from '../src/index.ts'
import { failingStore, lateStore } from './late-store.ts'
import { record, setUp } from './set-up.ts'

const FRESH = { 'Cache-Control': 'max-age=100', ETag: '"a"' }

describe('a store that fails', () => {
  it.each([
    [['get'], false],
    [['get'], true],
    [['put'], false],
    [['write'], false],
    [['commit'], false],
    [['purge'], false],
    [['purge'], true],
    [['update', 'delete'], false],
    [['get', 'put', 'update', 'delete', 'purge'], true],
  ] as const)('at %j is one without the response (later: %s)', async (calls, later) => {
    const failed = record(cacheStoreFailed)
    const { get, send, wait, answer, cache, errors } = setUp(
      { headers: FRESH, body: 'one' },
      { store: failingStore(calls, later) },
    )
    for (let i = 0; i < 3; i++) expect((await get()).text).toBe('one')
    expect((await send({ method: 'POST', body: 'x' })).status).toBe(200)
    answer({ headers: { ...FRESH, Vary: 'Foo' }, body: ['t', 'wo'] })
    await wait(200)
    for (let i = 0; i < 3; i++) expect((await get('/other')).text).toBe('two')
    const purging = cache.purge({ all: true })
    // The one thing that whoever asks for it has to be told.
    if (calls.some((call) => call === 'purge'))
      await expect(purging).rejects.toMatchObject({ code: 'ERR_SLUICE_PURGE_FAILED' })
    else await purging
    expect(errors).toEqual([])
    expect(cache.snapshot().storeFailures).toBe(failed.length)
    if (!calls.some((call) => call === 'update')) expect(failed.length).toBeGreaterThan(0)
    for (const { store, error } of failed)
      expect([store, error.message]).toEqual(['failing', expect.stringMatching(/failed/)])
  })
})

describe('a store that gives back something else', () => {
  /** The memory store, with each head changed on its way out. */
  const changing =
    (change: (head: EntryHead) => unknown): CacheStoreFactory =>
    (services) => {
      const store: CacheStore = memoryStore()(services)
      return new Proxy(store, {
        get(target, name: keyof CacheStore): unknown {
          const value: unknown = target[name]
          if (name !== 'get') return typeof value === 'function' ? value.bind(target) : value
          return (key: string) => {
            const entry = store.get(key)
            if (entry === undefined || entry instanceof Promise) return entry
            return {
              head: change(entry.head),
              bodyBytes: entry.bodyBytes,
              bytes: entry.bytes,
              text: entry.text,
              staleSince: undefined,
              open: () => entry.open(0, 0),
            }
          }
        },
      })
    }

  it.each([
    ['no notes', (head: EntryHead) => ({ ...head, notes: undefined })],
    ['other notes', (head: EntryHead) => ({ ...head, notes: { v: 2 } })],
    ['notes of another type', (head: EntryHead) => ({ ...head, notes: { ...head.notes, swr: 'x' } })],
    ['trailers that are none', (head: EntryHead) => ({ ...head, notes: { ...head.notes, trailers: ['a'] } })],
    ['a marker that is none', (head: EntryHead) => ({ ...head, notes: { v: 1, sets: [[1]], variants: [] } })],
    ['an impossible status', (head: EntryHead) => ({ ...head, status: 99 })],
    ['fields that are none', (head: EntryHead) => ({ ...head, headers: ['a'] })],
    ['a time that is none', (head: EntryHead) => ({ ...head, respondedAt: Number.NaN })],
    ['no head at all', () => undefined],
  ])('such as %s is asked of the upstream, and counted', async (_, change) => {
    const { get, cache, errors, fake } = setUp({ headers: FRESH, body: 'one' }, { store: changing(change) })
    expect((await get()).text).toBe('one')
    expect((await get()).text).toBe('one')
    expect(fake.requests).toHaveLength(2)
    expect(cache.snapshot()).toMatchObject({ corrupt: 1, hits: 0 })
    expect(errors).toEqual([])
  })
})

describe('a store that answers late', () => {
  it('has variants, markers and 304s as one that answers at once', async () => {
    const { get, wait, fake, answer } = setUp(
      (request) => ({
        headers: { 'Cache-Control': 'max-age=10', Vary: 'Foo', ETag: `"${request.header('foo')}"` },
        body: `foo ${request.header('foo')}`,
      }),
      { store: lateStore() },
    )
    for (let i = 0; i < 3; i++)
      expect(await Promise.all(['1', '2', '3'].map(async (foo) => (await get('/', { Foo: foo })).text))).toEqual([
        'foo 1',
        'foo 2',
        'foo 3',
      ])
    expect(fake.requests).toHaveLength(3)
    await wait(11)
    answer({ status: 304, headers: { 'Cache-Control': 'max-age=10', Vary: 'Foo', ETag: '"2"' } })
    expect((await get('/', { Foo: '2' })).text).toBe('foo 2')
    expect((await get('/', { Foo: '2' })).text).toBe('foo 2')
    expect(fake.requests).toHaveLength(4)
  })

  it('is asked once for concurrent requests all the same', async () => {
    const { get, fake } = setUp({ headers: FRESH, body: 'one' }, { store: lateStore() })
    expect(new Set((await Promise.all(Array.from({ length: 100 }, () => get()))).map(({ text }) => text))).toEqual(
      new Set(['one']),
    )
    expect(fake.requests).toHaveLength(1)
  })
})

it('tells what happens, and counts it', async () => {
  const [hits, misses, stored, refused, revalidated] = [
    record(cacheHit),
    record(cacheMiss),
    record(cacheStored),
    record(cacheRefused),
    record(cacheRevalidated),
  ]
  const { get, wait, answer, cache } = setUp({ headers: { 'Cache-Control': 'max-age=10', ETag: '"a"' }, body: 'one' })
  await get('/a')
  await wait(4)
  await get('/a')
  await wait(7)
  answer({ status: 304, headers: { ETag: '"a"' } })
  await get('/a')
  answer({ headers: { 'Cache-Control': 'private' } })
  await get('/b')
  expect(stored).toEqual([{ url: 'http://localhost/a', status: 200, bodyBytes: 3, freshMs: 10_000 }])
  expect(hits).toMatchObject([{ url: 'http://localhost/a', ageMs: 4_000, stale: false }])
  expect(misses.map(({ reason, collapsed }) => [reason, collapsed])).toEqual([
    ['uri-miss', false],
    ['stale', false],
    ['uri-miss', false],
  ])
  expect(revalidated).toEqual([{ url: 'http://localhost/a', outcome: 'confirmed', background: false }])
  expect(refused).toEqual([{ url: 'http://localhost/b', status: 200, reason: 'private' }])
  expect(cache.snapshot()).toMatchObject({
    hits: 1,
    misses: 3,
    stored: 1,
    refused: 1,
    revalidated: 1,
    storeFailures: 0,
    corrupt: 0,
  })
})
