import { describe, expect, it } from 'vitest'
import { HeaderList, WireError } from '../src/index.ts'

const pairs = (list: HeaderList): string[][] => [...list].map(([name, value]) => [name, value])
const invalid = expect.objectContaining({ code: 'ERR_SLUICE_HEADER_INVALID' })
const frozen = expect.objectContaining({ code: 'ERR_SLUICE_HEADER_FROZEN' })

describe('HeaderList', () => {
  it('keeps order, case and duplicates', () => {
    const list = new HeaderList([
      ['X-Two', '2'],
      ['sEt-CoOkIe', 'a=1'],
      ['x-one', '1'],
      ['Set-Cookie', 'b=2'],
    ])
    expect(pairs(list)).toEqual([
      ['X-Two', '2'],
      ['sEt-CoOkIe', 'a=1'],
      ['x-one', '1'],
      ['Set-Cookie', 'b=2'],
    ])
    expect(list.raw()).toEqual(['X-Two', '2', 'sEt-CoOkIe', 'a=1', 'x-one', '1', 'Set-Cookie', 'b=2'])
    expect(list.size).toBe(4)
    expect(list.getAll('set-cookie')).toEqual(['a=1', 'b=2'])
  })

  it('finds a name in whatever case it is asked for, and in whatever case it came', () => {
    for (const came of ['content-length', 'Content-Length', 'CONTENT-LENGTH', 'cOnTeNt-LeNgTh', 'X-OWN']) {
      const list = HeaderList.received([came, '5'])
      for (const asked of [came, came.toLowerCase(), came.toUpperCase()]) {
        expect(list.get(asked), `${asked} in ${came}`).toBe('5')
        expect(list.has(asked)).toBe(true)
      }
    }
  })

  it('joins several values with a comma, and cookies with a semicolon', () => {
    const list = new HeaderList({ accept: ['a', 'b', 'c'], Cookie: ['a=1', 'b=2'] })
    expect(list.get('Accept')).toBe('a, b, c')
    expect(list.get('cookie')).toBe('a=1; b=2')
    expect(list.get('missing')).toBeUndefined()
    expect(list.getAll('missing')).toEqual([])
  })

  it('sets in the place of the first, removes the other ones, and adds at the end what was not there', () => {
    const list = new HeaderList({ a: '1', b: ['2', '3'], c: '4' })
    list.append('B', '5').set('B', '6').set('d', '7')
    expect(pairs(list)).toEqual([
      ['a', '1'],
      ['B', '6'],
      ['c', '4'],
      ['d', '7'],
    ])
  })

  it('says whether a delete has found anything', () => {
    const list = new HeaderList({ a: ['1', '2'], b: '3' })
    expect(list.delete('A')).toBe(true)
    expect(list.delete('a')).toBe(false)
    expect(list.delete('host')).toBe(false)
    expect(list.deleteWhere((key) => key === 'b')).toBe(true)
    expect(list.deleteWhere(() => true)).toBe(false)
    expect(list.size).toBe(0)
  })

  it.each(['\r', '\n', '\0', '\u010a', '\u010d', '\x7f', '\x01'])(
    'refuses %j in a value, and changes nothing',
    (bad) => {
      const list = new HeaderList({ a: '1' })
      expect(() => list.set('a', `x${bad}y`)).toThrow(invalid)
      expect(() => list.append('b', `x${bad}y`)).toThrow(invalid)
      expect(() => new HeaderList({ c: `x${bad}y` })).toThrow(invalid)
      expect(pairs(list)).toEqual([['a', '1']])
    },
  )

  it.each(['', 'a b', 'a:', 'a\r\nb', 'ü', '\u212A'])('refuses the name %j', (bad) => {
    const list = new HeaderList()
    expect(() => list.set(bad, '1')).toThrow(invalid)
    expect(() => list.append(bad, '1')).toThrow(invalid)
    expect(list.size).toBe(0)
  })

  it('refuses what is no string, as untyped code may pass it', () => {
    const list = new HeaderList()
    expect(() => list.set('a', undefined as never)).toThrow(invalid)
    expect(() => list.set(null as never, 'a')).toThrow(invalid)
    expect(() => list.append('a', 5 as never)).toThrow(WireError)
  })

  it('takes names of Object.prototype for ordinary names', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const list = new HeaderList()
      expect(list.has(name)).toBe(false)
      expect(list.get(name)).toBeUndefined()
      list.append(name, '1')
      expect(list.get(name)).toBe('1')
      expect(Object.keys(list.toJSON())).toEqual([name.toLowerCase()])
      expect(list.delete(name)).toBe(true)
    }
    const parsed = JSON.parse('{"__proto__":"x","a":"1"}') as Record<string, string>
    expect(new HeaderList(parsed).get('__proto__')).toBe('x')
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it('is made of records, pairs, maps, Fetch headers and other lists', () => {
    expect(pairs(new HeaderList({ a: '1', n: 5, many: ['x', 'y'], none: undefined }))).toEqual([
      ['a', '1'],
      ['n', '5'],
      ['many', 'x'],
      ['many', 'y'],
    ])
    expect(pairs(new HeaderList(new Map([['A', '1']])))).toEqual([['A', '1']])
    expect(pairs(new HeaderList(new Headers({ A: '1' })))).toEqual([['a', '1']])
    expect(pairs(new HeaderList(new HeaderList({ A: '1' })))).toEqual([['A', '1']])
    expect(pairs(HeaderList.received(['A', '1', 'a', '2']))).toEqual([
      ['A', '1'],
      ['a', '2'],
    ])
    expect(new HeaderList().size).toBe(0)
  })

  it('shows itself by lower-case name', () => {
    const list = new HeaderList({ 'X-A': ['1', '2'], B: '3' })
    expect(JSON.parse(JSON.stringify(list))).toEqual({ 'x-a': ['1', '2'], b: '3' })
  })
})

describe('a copy', () => {
  it('is independent of its original, whichever is written to first', () => {
    for (const writeToCopy of [true, false]) {
      const original = new HeaderList({ a: '1', host: 'x' })
      const copy = original.copy()
      const [written, kept] = writeToCopy ? [copy, original] : [original, copy]
      written.set('a', '2').delete('host')
      written.append('via', 'v')
      expect(pairs(kept)).toEqual([
        ['a', '1'],
        ['host', 'x'],
      ])
      kept.append('b', '3')
      expect(pairs(written)).toEqual([
        ['a', '2'],
        ['via', 'v'],
      ])
    }
  })

  it('of a copy is independent of both', () => {
    const first = new HeaderList({ a: '1' })
    const second = first.copy()
    const third = new HeaderList(second)
    second.set('a', '2')
    third.set('a', '3')
    first.append('b', '1')
    expect([first, second, third].map((list) => list.raw().join())).toEqual(['a,1,b,1', 'a,2', 'a,3'])
  })

  it('of a frozen list can be written to, as can copies of it', () => {
    const original = new HeaderList({ a: '1' }).freeze()
    const copy = original.copy()
    const other = copy.copy()
    copy.set('a', '2')
    other.delete('a')
    expect(original.get('a')).toBe('1')
    expect(copy.get('a')).toBe('2')
    expect(other.size).toBe(0)
  })

  it('survives the freezing of its original', () => {
    const original = new HeaderList({ a: '1' })
    const copy = original.copy()
    original.freeze()
    copy.set('a', '2')
    expect(original.get('a')).toBe('1')
  })
})

describe('freeze', () => {
  it('makes every write throw and leaves reading alone', () => {
    const list = new HeaderList({ a: '1', host: 'x' }).freeze()
    expect(() => list.set('a', '2')).toThrow(frozen)
    expect(() => list.append('b', '2')).toThrow(frozen)
    expect(() => list.delete('a')).toThrow(frozen)
    expect(() => list.deleteWhere(() => true)).toThrow(frozen)
    expect(list.raw()).toEqual(['a', '1', 'host', 'x'])
  })
})
