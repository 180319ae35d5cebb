/** Options: what they do to lifetimes, and which are refused. */
import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { httpCache, memoryStore, purgeMethod } from '../src/index.ts'
import { play, row } from './rfc/steps.ts'

describe.each([
  row(
    'defaultTtlMs',
    'gives responses a lifetime that state none',
    [
      { is: 'miss' },
      { is: 'hit', after: 9 },
      { is: 'miss', after: 2, answer: { 'Cache-Control': 'max-age=1' } },
      { is: 'miss', after: 2 },
      { is: 'miss', path: '/b', answer: { 'Cache-Control': 'no-store' } },
      { is: 'miss', path: '/b' },
    ],
    { defaultTtlMs: 10_000 },
  ),
  row(
    'defaultTtlMs',
    'by status and class: negative caching',
    [
      { is: 'miss', answerStatus: 404 },
      { is: 'hit', after: 4, status: 404 },
      { is: 'miss', path: '/b', answerStatus: 403 },
      { is: 'hit', path: '/b', status: 403 },
      { is: 'miss', path: '/b', after: 2 },
      { is: 'miss', path: '/b' },
    ],
    { defaultTtlMs: { 404: 5_000, '4xx': 1_000 } },
  ),
  row(
    'overrideTtlMs',
    'comes before what responses state, and permits nothing',
    [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=1' } },
      { is: 'hit', after: 5 },
      { is: 'miss', path: '/b', answer: { 'Cache-Control': 'max-age=1, private' } },
      { is: 'miss', path: '/b' },
      { is: 'miss', path: '/c', answerStatus: 500, answer: { 'Cache-Control': 'max-age=100' } },
      { is: 'miss', path: '/c', answerStatus: 500 },
    ],
    { overrideTtlMs: { 200: 10_000, '5xx': 0 } },
  ),
  row(
    'maxTtlMs',
    'is the longest',
    [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=100' } },
      { is: 'hit', after: 4 },
      { is: 'miss', after: 2 },
    ],
    { maxTtlMs: 5_000 },
  ),
  row(
    'heuristicFraction',
    '0: nothing is guessed',
    [{ is: 'miss', answer: { Date: 0, 'Last-Modified': -86_400 } }, { is: 'confirmed' }],
    { heuristicFraction: 0 },
  ),
  row(
    'maxHeuristicMs',
    'bounds the guess',
    [
      { is: 'miss', answer: { Date: 0, 'Last-Modified': -86_400 } },
      { is: 'confirmed', after: 3 },
    ],
    { maxHeuristicMs: 2_000 },
  ),
  row(
    'sMaxAgeForbidsStale',
    'false: stale where the response says so',
    [
      { is: 'miss', answer: { 'Cache-Control': 's-maxage=1, stale-if-error=60' } },
      { is: 'miss', after: 3, answerStatus: 500, status: 200 },
    ],
    { sMaxAgeForbidsStale: false },
  ),
  row(
    'keepStaleMs',
    'is how long a validator is kept',
    [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=1', ETag: '"a"' } },
      { is: 'confirmed', after: 4, answer: { 'Cache-Control': 'max-age=1' } },
      { is: 'miss', after: 7, asked: { 'if-none-match': undefined } },
    ],
    { keepStaleMs: 5_000 },
  ),
  row(
    'unkeyedFields',
    'is what is never stored',
    [
      { is: 'miss', send: { 'X-Debug': '1', 'X-Host': 'x' }, answer: { 'Cache-Control': 'max-age=100' } },
      { is: 'miss', send: { 'X-Host': 'x' }, answer: { 'Cache-Control': 'max-age=100' } },
      { is: 'hit', send: { 'X-Debug': '1' } },
    ],
    { unkeyedFields: ['X-Debug'] },
  ),
  row(
    'tagFields',
    'can be others',
    [{ is: 'miss', answer: { 'Cache-Control': 'max-age=100', 'Edge-Cache-Tag': 'a' } }, { is: 'hit' }],
    { tagFields: ['Edge-Cache-Tag'] },
  ),
])('$section', (each) => {
  it(each.must, async () => await play(each))
})

describe('a wrong option', () => {
  const store = memoryStore()
  it.each([
    ['httpCache', undefined],
    ['httpCache.store', {}],
    ['httpCache.store', { store: 'memory' }],
    ['httpCache.store', { store: memoryStore }],
    ['httpCache.key', { store, key: 'x' }],
    ['httpCache.key.query', { store, key: { query: 'some' } }],
    ['httpCache.key.query', { store, key: { query: { allow: ['a'], ignore: ['b'] } } }],
    ['httpCache.key.query.allow[0]', { store, key: { query: { allow: [1] } } }],
    ['httpCache.key.cookies', { store, key: { cookies: 'a' } }],
    ['httpCache.key.headers[0]', { store, key: { headers: ['a b'] } }],
    ['httpCache.key.extra', { store, key: { extra: 'x' } }],
    ['httpCache.key.sortQuery', { store, key: { sortQuery: 1 } }],
    ['httpCache.methods', { store, methods: ['PUT'] }],
    ['httpCache.maxEntryBytes', { store, maxEntryBytes: -1 }],
    ['httpCache.maxVariants', { store, maxVariants: 0 }],
    ['httpCache.targetedFields[0]', { store, targetedFields: [''] }],
    ['httpCache.heuristicFraction', { store, heuristicFraction: 2 }],
    ['httpCache.defaultTtlMs', { store, defaultTtlMs: -1 }],
    ['httpCache.defaultTtlMs.teapot', { store, defaultTtlMs: { teapot: 1 } }],
    ['httpCache.overrideTtlMs.200', { store, overrideTtlMs: { 200: '1' } }],
    ['httpCache.maxTtlMs', { store, maxTtlMs: Number.NaN }],
    ['httpCache.staleIfErrorMs', { store, staleIfErrorMs: '1' }],
    ['httpCache.setCookie', { store, setCookie: 'keep' }],
    ['httpCache.requestDirectives', { store, requestDirectives: 'some' }],
    ['httpCache.collapse', { store, collapse: 'yes' }],
    ['httpCache.collapseWaitMs', { store, collapseWaitMs: -1 }],
    ['httpCache.cacheStatus', { store, cacheStatus: 'on' }],
    ['httpCache.cacheStatus.key', { store, cacheStatus: { key: 1 } }],
    ['httpCache.name', { store, name: 'ü' }],
  ])('is refused with its path: %s', (path, options) => {
    expect(() => httpCache(options as never)).toThrow(expect.objectContaining({ path, code: 'ERR_SLUICE_CONFIG' }))
  })

  it('of a route is one, too; and its store, clock and chance are those of the cache', () => {
    const cache = httpCache({ store })
    expect(() => cache.with({ maxVariants: 0 })).toThrow(ConfigError)
    expect(() => cache.with({ store } as never)).toThrow('httpCache.store')
    expect(() => cache.with({ random: Math.random } as never)).toThrow('httpCache.random: is not known')
  })

  it.each([
    ['purgeMethod', undefined],
    ['purgeMethod.cache', { allow: [] }],
    ['purgeMethod.allow', { cache: httpCache({ store }) }],
    ['purgeMethod.allow', { cache: httpCache({ store }), allow: ['nowhere'] }],
  ])('of PURGE is one, too: %s', (path, options) => {
    expect(() => purgeMethod(options as never)).toThrow(path)
  })
})
