import { seededRandom } from '@sluice/testing'
/** The parsers of fields: what they make of good ones, and that nothing makes them throw. */
import { HeaderList } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { parseAge, parseDeltaSeconds } from '../../src/directives/delta-seconds.ts'
import { parseHttpDate } from '../../src/directives/http-date.ts'
import { requestDirectives } from '../../src/directives/request-directives.ts'
import { parseResponseDirectives } from '../../src/directives/response-directives.ts'
import { parseDictionary, parseList } from '../../src/directives/structured-fields.ts'
import { parseTargeted } from '../../src/directives/targeted-fields.ts'
import { groupsOf } from '../../src/invalidation/tags.ts'
import { parseNoVarySearch } from '../../src/key/no-vary-search.ts'
import { parseContentRange, parseRange } from '../../src/validation/byte-range.ts'
import { listMatches } from '../../src/validation/entity-tag.ts'

const NOW = Date.UTC(2026, 10, 23)

describe('dates', () => {
  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', 784_111_777_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 784_111_777_000],
    ['Sun Nov  6 08:49:37 1994', 784_111_777_000],
    ['Sun Nov 16 08:49:37 1994', 784_975_777_000],
    ['sun, 06 nov 1994 08:49:37 gmt', 784_111_777_000],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Wednesday, 01-Jan-75 00:00:00 GMT', Date.UTC(2075, 0, 1)],
    ['Thursday, 01-Jan-77 00:00:00 GMT', Date.UTC(1977, 0, 1)],
    ['Mon, 01 Jan 0001 00:00:00 GMT', -62_135_596_800_000],
  ])('%s', (text, time) => {
    expect(parseHttpDate(text, NOW)).toBe(time)
  })

  it.each([
    '',
    '0',
    '-1',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 31 Apr 1994 08:49:37 GMT',
    'Wed, 29 Feb 2023 00:00:00 GMT',
    'Foo, 06 Nov 1994 08:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    '1994-11-06T08:49:37Z',
  ])('is none: %s', (text) => {
    expect(parseHttpDate(text, NOW)).toBeUndefined()
  })
})

describe('seconds', () => {
  it.each([
    ['0', 0],
    ['0010', 10],
    ['2147483647', 2_147_483_647],
    ['2147483648', 2_147_483_648],
    ['9'.repeat(400), 2_147_483_648],
    ['', undefined],
    ['1.0', undefined],
    ['-1', undefined],
    [' 1', undefined],
    ['1e3', undefined],
    ['١', undefined],
  ])('%s', (text, seconds) => {
    expect(parseDeltaSeconds(text)).toBe(seconds)
  })

  it('of Age: the first, or none', () => {
    expect([['5'], ['5, 6'], [' 5 ', '7'], ['x'], []].map(parseAge)).toEqual([5_000, 5_000, 5_000, 0, 0])
  })
})

describe('structured fields', () => {
  it('dictionaries', () => {
    expect(
      parseDictionary('a=1, b;x=2;y, c=?0, d="q\\"r", e=(1 "x" tok);z=1, f=tok/x, g=:aGk=:, h=1.5, i=@12, a=3'),
    ).toEqual(
      new Map<string, unknown>([
        ['b', true],
        ['c', false],
        ['d', 'q"r'],
        ['e', [1, 'x', { token: 'tok' }]],
        ['f', { token: 'tok/x' }],
        ['g', { other: true }],
        ['h', { other: true }],
        ['i', { other: true }],
        ['a', 3],
      ]),
    )
    expect(parseDictionary('')).toEqual(new Map())
  })

  it.each([
    'A=1',
    'a=',
    'a=1,',
    ',a',
    'a b',
    'a="x',
    'a=1234567890123456',
    'a=1.2345',
    'a=(1',
    'a=(1"x")',
    'a;',
    '&',
    'a=1 ;b',
    'a=?2',
    'a=1.',
    'é',
  ])('a malformed dictionary: %s', (text) => {
    expect(parseDictionary(text)).toBeUndefined()
  })

  it('lists', () => {
    expect(parseList('"a";p=1, "b" ,\t"c", ("d" "e")')).toEqual(['a', 'b', 'c', ['d', 'e']])
    expect(parseList('"a" "b"')).toBeUndefined()
  })
})

describe('ranges', () => {
  it.each([
    ['bytes=0-0', 10, { start: 0, end: 1 }],
    ['Bytes = 0-0', 10, undefined],
    ['bytes=3-', 10, { start: 3, end: 10 }],
    ['bytes=-3', 10, { start: 7, end: 10 }],
    ['bytes=-30', 10, { start: 0, end: 10 }],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=5-3', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=0-1, 3-4', 10, undefined],
    ['bytes=99999999999999999999-', 10, 'unsatisfiable'],
  ])('%s of %d', (field, length, range) => {
    expect(parseRange(field, length)).toEqual(range)
  })

  it('of content', () => {
    expect(parseContentRange('bytes 4-9/10')).toEqual({ start: 4, end: 10, total: 10 })
    for (const wrong of ['bytes */10', 'bytes 4-9/*', 'bytes 9-4/10', 'bytes 4-10/10', '4-9/10', ''])
      expect(parseContentRange(wrong)).toBeUndefined()
  })
})

it('entity tags in lists', () => {
  expect(listMatches('"a,b", W/"c"', '"a,b"')).toBe(true)
  expect(listMatches('"a,b", W/"c"', 'W/"c"')).toBe(true)
  expect(listMatches('"a,b", W/"c"', '"c"')).toBe(true)
  expect(listMatches('"a,b"', '"a"')).toBe(false)
  expect(listMatches('abc', 'abc')).toBe(true)
  expect(listMatches('', '""')).toBe(false)
})

describe('nothing makes them throw', () => {
  const random = seededRandom(42)
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!
  const PIECES = [
    'max-age',
    's-maxage',
    'no-cache',
    'private',
    '=',
    '"',
    '\\',
    ',',
    ';',
    ' ',
    '\t',
    '100',
    '-1',
    '1.5',
    '(',
    ')',
    '?1',
    '*',
    'W/',
    ':',
    '@',
    '%',
    'bytes',
    '-',
    '/',
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'é',
    '\u00ff',
    '99999999999999999999',
    'key-order',
    'params',
    'except',
    '%zz',
  ]
  const text = () => Array.from({ length: Math.floor(random() * 12) }, () => pick(PIECES)).join('')

  it('in 20,000 fields made of pieces', () => {
    for (let i = 0; i < 20_000; i++) {
      const value = text()
      const directives = parseResponseDirectives(value)
      for (const seconds of [directives.maxAge, directives.sMaxAge, directives.staleIfError])
        expect(seconds === undefined || (Number.isInteger(seconds) && seconds >= 0 && seconds <= 2 ** 31)).toBe(true)
      parseTargeted(value)
      parseHttpDate(value, NOW)
      parseList(value)
      parseRange(value, 10)
      parseContentRange(value)
      groupsOf(value)
      parseAge([value])
      listMatches(value, text())
      parseNoVarySearch(value)?.keeps?.(text())
      const headers = new HeaderList()
      headers.append('Cache-Control', value.replaceAll(/[^\t\x20-\x7e\xa0-\xff]/g, ''))
      requestDirectives(headers)
    }
  })

  it('a directive that forbids is found whatever stands around it', () => {
    for (let i = 0; i < 5_000; i++) {
      const before = text().replaceAll('"', '')
      expect(parseResponseDirectives(`${before},no-store`).noStore, before).toBe(true)
      expect(parseResponseDirectives(`no-store,${text()}`).noStore).toBe(true)
    }
  })

  it('in time that grows with the length alone', () => {
    const started = performance.now()
    for (const piece of ['"\\', ',', '=', '"a",', '(', ' ', 'a=', ';a', '\t'])
      for (const parse of [parseResponseDirectives, parseTargeted, parseList, parseNoVarySearch])
        parse(piece.repeat(30_000))
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
