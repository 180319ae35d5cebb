/** Names that the table does not have are remembered by place; what stands there may be another one's. */
import { describe, expect, it } from 'vitest'
import { parseFieldLines } from '../src/http1/field-lines.ts'

const parse = (names: readonly string[]) => {
  const text = names.map((name) => `${name}: 1\r\n`).join('')
  return parseFieldLines(text, 0, text.length, names.length)
}

describe('names of fields that are not in the table', () => {
  it.each([
    ['of the same hash', ['X-Aa', 'X-BB', 'X-Aa', 'X-BB']],
    ['of the same hash, where one is in the table in another spelling', ['HOST', 'X-Own', 'HOST']],
    ['of the same end of a hash, and other lengths', ['X-Aa', 'Y-X-Aa', 'X-Aa']],
    ['in several spellings', ['X-Own', 'x-own', 'X-OWN', 'X-Own']],
    ['longer than what is remembered', ['x'.repeat(64), 'x'.repeat(65), 'X'.repeat(65), 'x'.repeat(64)]],
  ])('%s stay apart', (_what, names) => {
    const list = parse(names)
    expect(list.raw().filter((_, i) => i % 2 === 0)).toEqual(names)
    expect(list.keys()).toEqual(names.map((name) => name.toLowerCase()))
    for (const name of names) expect(list.has(name)).toBe(true)
  })

  it('are right when thousands of them came before', () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `X-Name-${(i * 7_919) % 5_000}`)
    for (let round = 0; round < 2; round++) for (const name of names) expect(parse([name]).raw()).toEqual([name, '1'])
  })

  it('with the key of the table where only the spelling is unusual', () => {
    const list = parse(['cOnTeNt-LeNgTh', 'Via', 'cOnTeNt-LeNgTh'])
    expect(list.keys()).toEqual(['content-length', 'via', 'content-length'])
    expect(list.get('content-length')).toBe('1, 1')
  })
})
