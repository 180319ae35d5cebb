/** What replies say of limits, in each family of fields, beside what an origin has said already. */
import { HeaderList, type HeaderListInit } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { limitFace, type LimitState } from '../../src/fields/limit-state.ts'
import { type FieldsOption, ReplyFields } from '../../src/fields/reply-fields.ts'

const burst: LimitState = { face: limitFace('burst', 100, 60_000), remaining: 50, resetMs: 29_500 }
const day: LimitState = { face: limitFace('day', 1_000, 86_400_000), remaining: 7.9, resetMs: 60_000 }
const WALL = 1_700_000_000_250

function write(fields: FieldsOption, states: readonly LimitState[], theirs: HeaderListInit = []) {
  const headers = new HeaderList(theirs)
  const faces = states.map(({ face }) => face)
  new ReplyFields(fields, faces, 'fields').write(headers, states, 'gateway', WALL)
  return headers.toJSON()
}

describe('draft 11', () => {
  it('names every limit, its quota and what is left', () => {
    expect(write('draft-11', [burst, day])).toEqual({
      'ratelimit-policy': '"burst";q=100;w=60, "day";q=1000;w=86400',
      ratelimit: '"burst";r=50;t=30, "day";r=7;t=60',
    })
  })

  it.each([
    [500, 10, '"x";q=20;w=1'],
    [1_500, 10, '"x";q=20;w=3'],
    [250, 2.5, '"x";q=10;w=1'],
    [1_000, 2.5, '"x";q=2;w=1'],
    [Math.PI, 10, '"x";q=10'],
  ])('says of a window of %d ms with a limit of %d: %s', (windowMs, quota, item) => {
    const state = { face: limitFace('x', quota, windowMs), remaining: 0, resetMs: 0 }
    expect(write('draft-11', [state])['ratelimit-policy']).toBe(item)
  })

  it('escapes names, never goes below 0, and says of exchanges that they are under way', () => {
    const odd = { face: limitFace(String.raw`a"b\c`, 1, undefined), remaining: -3, resetMs: undefined }
    expect(write('draft-11', [odd])).toEqual({
      'ratelimit-policy': String.raw`"a\"b\\c";q=1;qu="concurrent-requests"`,
      ratelimit: String.raw`"a\"b\\c";r=0`,
    })
  })

  it('stands beside the limits of the origin, which it does not touch', () => {
    const theirs = { RateLimit: '"origin";r=3;t=9', 'RateLimit-Policy': '"origin";q=5;w=10' }
    expect(write('draft-11', [burst], theirs)).toEqual({
      'ratelimit-policy': ['"origin";q=5;w=10', '"burst";q=100;w=60'],
      ratelimit: ['"origin";r=3;t=9', '"burst";r=50;t=30'],
    })
  })

  it('goes by another name where the origin has the same', () => {
    expect(write('draft-11', [burst, day], { RateLimit: '"burst";r=3;t=9' })).toEqual({
      'ratelimit-policy': '"gateway/burst";q=100;w=60, "day";q=1000;w=86400',
      ratelimit: ['"burst";r=3;t=9', '"gateway/burst";r=50;t=30, "day";r=7;t=60'],
    })
  })

  it.each([
    { ratelimit: 'limit=10, remaining=3, reset=9' },
    { 'ratelimit-policy': '10;w=60' },
    { ratelimit: '"a";r=1', 'ratelimit-policy': '10;w=60' },
  ])('leaves %o alone, which is of another draft', (theirs) => {
    expect(write('draft-11', [burst], theirs)).toEqual(theirs)
  })
})

describe('draft 7', () => {
  it('speaks of the limit that is met first', () => {
    expect(write('draft-07', [burst, day])).toEqual({
      'ratelimit-policy': '1000;w=86400',
      ratelimit: 'limit=1000, remaining=7, reset=60',
    })
  })

  it('takes the place of what the origin says only where it leaves less, and not sooner', () => {
    const less = { ratelimit: 'limit=10, remaining=50, reset=9', 'ratelimit-policy': '10;w=60' }
    expect(write('draft-07', [burst], less)).toEqual(less)
    const more = { ratelimit: 'limit=99, remaining=51, reset=90', 'ratelimit-policy': '99;w=60' }
    expect(write('draft-07', [burst], more)).toEqual({
      ratelimit: 'limit=100, remaining=50, reset=90',
      'ratelimit-policy': ['99;w=60', '100;w=60'],
    })
    const other = { ratelimit: '"burst";r=500' }
    expect(write('draft-07', [burst], other)).toEqual(other)
  })
})

describe('draft 6', () => {
  it('has a field for each number', () => {
    expect(write('draft-06', [burst])).toEqual({
      'ratelimit-policy': '100;w=60',
      'ratelimit-limit': '100',
      'ratelimit-remaining': '50',
      'ratelimit-reset': '30',
    })
  })

  it('takes the place of what the origin says only where it leaves less', () => {
    const less = { 'ratelimit-limit': '60', 'ratelimit-remaining': '49', 'ratelimit-reset': '1' }
    expect(write('draft-06', [burst], less)).toEqual(less)
    const more = { 'ratelimit-limit': '900', 'ratelimit-remaining': '800', 'ratelimit-reset': '40' }
    expect(write('draft-06', [burst], more)).toMatchObject({
      'ratelimit-limit': '100',
      'ratelimit-remaining': '50',
      'ratelimit-reset': '40',
    })
    const odd = { 'ratelimit-limit': '900', 'ratelimit-remaining': 'plenty' }
    expect(write('draft-06', [burst], odd)).toEqual(odd)
  })
})

describe('X-RateLimit', () => {
  it('has the time of the reset, in seconds since 1970', () => {
    expect(write('x-ratelimit', [burst])).toEqual({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '50',
      'x-ratelimit-reset': '1700000030',
    })
  })

  it('takes the place of what the origin says only where it leaves less', () => {
    const less = { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '50', 'x-ratelimit-reset': '12' }
    expect(write('x-ratelimit', [burst], less)).toEqual(less)
    const more = { 'x-ratelimit-limit': '900', 'x-ratelimit-remaining': '800', 'x-ratelimit-reset': '1700009999' }
    expect(write('x-ratelimit', [burst], more)).toEqual({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '50',
      'x-ratelimit-reset': '1700009999',
    })
  })
})

it('can be several families, or none', () => {
  expect(Object.keys(write(['draft-11', 'x-ratelimit'], [burst]))).toEqual([
    'ratelimit-policy',
    'ratelimit',
    'x-ratelimit-limit',
    'x-ratelimit-remaining',
    'x-ratelimit-reset',
  ])
  expect(write('none', [burst])).toEqual({})
})
