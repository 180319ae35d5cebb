/** Header lists against the simplest thing that could be right: an array of pairs that is copied for every copy. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseFieldLines } from '../src/http1/field-lines.ts'
import { HeaderList, maskOf } from '../src/index.ts'

type Model = [name: string, value: string][]
type Pair = { readonly list: HeaderList; readonly model: Model }

const FLAGGED = ['host', 'connection', 'te', 'cookie', 'set-cookie', 'content-length', 'proxy-status', 'expect']
const NAMES = [...FLAGGED, 'accept', 'x-own', '__proto__', 'constructor']
const name = fc.constantFrom(...NAMES).chain((each) =>
  fc.constantFrom(
    each,
    each.toUpperCase(),
    each.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
  ),
)
const value = fc.constantFrom('', 'a', 'b, c', '1')
const command = fc.oneof(
  fc.record({ op: fc.constantFrom('set', 'append'), name, value, on: fc.nat(9) }),
  fc.record({ op: fc.constantFrom('delete', 'deleteWhere'), name, on: fc.nat(9) }),
  fc.record({ op: fc.constant('copy'), on: fc.nat(9) }),
)
/** As a parser of names and values gives it, and as one of text does, which keeps its lines where they are as they would be written. */
const origin = fc.oneof(
  fc.constant((start: Model) => HeaderList.received(start.flat())),
  fc.constantFrom(' ', '', '  ', '\t', ' \t').map((before) => (start: Model) => parsed(start, before, '')),
  fc.constantFrom(' ', '\t ').map((behind) => (start: Model) => parsed(start, ' ', behind)),
)

function parsed(start: Model, before: string, behind: string): HeaderList {
  const text = start.map(([name, value]) => `${name}:${before}${value}${behind}\r\n`).join('')
  return parseFieldLines(`GET / HTTP/1.1\r\n${text}\r\n`, 16, 16 + text.length, 100)
}

type Command = { op: string; name?: string; value?: string; on: number }

function run({ op, name = '', value = '' }: Command, { list, model }: Pair): Pair | undefined {
  const key = name.toLowerCase()
  const same = ([each]: [string, string]) => each.toLowerCase() === key
  const keep = (kept: Model): void => void model.splice(0, model.length, ...kept)
  if (op === 'copy') return { list: list.copy(), model: [...model] }
  if (op === 'append') {
    list.append(name, value)
    model.push([name, value])
  } else if (op === 'set') {
    list.set(name, value)
    const first = model.findIndex(same)
    if (first < 0) model.push([name, value])
    else
      keep(
        model
          .map((each, i): [string, string] => (i === first ? [name, value] : each))
          .filter((each, i) => i === first || !same(each)),
      )
  } else {
    const found = op === 'delete' ? list.delete(name) : list.deleteWhere((each) => each === key)
    expect(found).toBe(model.some(same))
    keep(model.filter((each) => !same(each)))
  }
  return undefined
}

function check({ list, model }: Pair): void {
  expect([...list]).toEqual(model)
  expect(list.size).toBe(model.length)
  expect(list.lines()).toBe(model.map(([name, value]) => `${name}: ${value}\r\n`).join(''))
  for (const key of NAMES) {
    const values = model.filter(([each]) => each.toLowerCase() === key).map(([, each]) => each)
    expect(list.getAll(key)).toEqual(values)
    expect(list.has(key.toUpperCase())).toBe(values.length > 0)
    expect(list.get(key)).toBe(values.length === 0 ? undefined : values.join(key === 'cookie' ? '; ' : ', '))
  }
  // The mask may neither miss a name nor remember one that has gone.
  for (const key of FLAGGED) expect(list.hasAny(maskOf(key))).toBe(list.has(key))
  expect(list.hasAny(maskOf(...FLAGGED))).toBe(FLAGGED.some((key) => list.has(key)))
}

describe('HeaderList', () => {
  it('does what an array of pairs would, through any sequence of writes to it and its copies', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, value), { maxLength: 6 }),
        fc.array(command, { maxLength: 25 }),
        origin,
        (start, commands, listOf) => {
          const all: Pair[] = [{ list: listOf(start), model: [...start] }]
          for (const each of commands) {
            const made = run(each, all[each.on % all.length]!)
            if (made !== undefined) all.push(made)
          }
          all.forEach(check)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('does so for long lists, of which many fields are removed', () => {
    const start = Array.from({ length: 80 }, (_, i): [string, string] => [`x-${i % 9}`, `${i}`])
    const pair = { list: parsed(start, ' ', ''), model: [...start] }
    for (const removed of [4, 1, 8, 0, 2]) {
      run({ op: 'delete', name: `X-${removed}`, on: 0 }, pair)
      check(pair)
      run({ op: 'append', name: 'Via', value: `${removed}`, on: 0 }, pair)
      check(pair)
    }
  })

  it('refuses a mask for a name that has no bit', () => {
    expect(() => maskOf('x-own')).toThrow(RangeError)
    expect(maskOf('Host')).toBe(maskOf('host'))
  })
})
