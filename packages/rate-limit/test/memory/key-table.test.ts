/** The table against a Map, and what becomes of keys for which there is no room. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyHash } from '../../src/memory/key-hash.ts'
import { KeyTable, LAST, SHARED, type TableShape } from '../../src/memory/key-table.ts'

const hash = new KeyHash(new Uint32Array([123_456_789, 987_654_321]))

/** A table that is asked by keys. */
class Table extends KeyTable {
  constructor(maxKeys: number, shape: Partial<TableShape> = {}, dropped?: (place: number) => void) {
    super(maxKeys, { numbers: 2, times: 1, room: 1.5, owesMs: 0, ...shape }, dropped)
  }

  last(place: number): number {
    return this.numbers[place * this.shape.numbers + LAST]!
  }

  setLast(place: number, time: number): void {
    this.numbers[place * this.shape.numbers + LAST] = time
  }

  of(key: string, now: number): number {
    hash.update(key)
    return this.placeOf(hash, now)
  }
}

describe('a table', () => {
  it('finds what a Map would, whatever comes and goes', () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 60 }), debtMs: fc.integer({ min: 0, max: 40 }) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 300, maxLength: 400 }), (steps) => {
        const table = new Table(40)
        const model = new Map<string, number>()
        steps.forEach(({ key, debtMs }, now) => {
          const place = table.of(`key-${key}`, now)
          if (table.isShared(place)) return
          // What owes nothing may have been forgotten; all else must be there.
          const owed = model.get(`key-${key}`) ?? 0
          expect(Math.max(now, table.last(place))).toBe(Math.max(now, owed))
          table.setLast(place, Math.max(now, owed) + debtMs)
          model.set(`key-${key}`, Math.max(now, owed) + debtMs)
        })
        expect(table.count).toBeLessThanOrEqual(40)
      }),
      { numRuns: 100 },
    )
  })

  it('moves all numbers of a key along with it, and says which key goes', () => {
    const dropped: number[] = []
    let made = 0
    const table = new Table(64, { numbers: 4, owesMs: 30 }, (place) => dropped.push(table.numbers[4 * place + 3]!))
    for (let now = 0; now < 5_000; now++) {
      const id = (now * 7) % 300
      const at = 4 * table.of(`key-${id}`, now)
      const own = table.numbers.slice(at + 2, at + 4)
      expect([
        [0, 0],
        [-id, id],
      ]).toContainEqual([...own])
      if (own[1] === 0 && id !== 0) made++
      table.numbers.set([now, -id, id], at + 1)
    }
    expect(made).toBeGreaterThan(4_000)
    expect(dropped.filter((id) => id !== 0).length + table.count).toBeGreaterThanOrEqual(made)
    expect(new Set(dropped).size).toBe(300)
  })
})

describe('a full table', () => {
  const full = () => {
    const table = new Table(100)
    for (let i = 0; i < 100; i++) table.setLast(table.of(`owes-${i}`, 0), 1_000 + i)
    return table
  }

  it('keeps all who owe something, however many others come', () => {
    const table = full()
    for (let i = 0; i < 10_000; i++) expect(table.isShared(table.of(`flood-${i}`, 10))).toBe(true)
    for (let i = 0; i < 100; i++) expect(table.last(table.of(`owes-${i}`, 10))).toBe(1_000 + i)
    expect([table.count, table.turnedAway]).toEqual([100, 10_000])
  })

  it('gives new keys the same shared place each time, spread over all of them', () => {
    const table = full()
    const places = Array.from({ length: 20_000 }, (_, i) => table.of(`flood-${i}`, 10))
    expect(new Set(places).size).toBeGreaterThan(SHARED * 0.99)
    expect(table.of('flood-7', 10)).toBe(places[7])
  })

  it('has room again when somebody owes nothing any more', () => {
    const table = full()
    expect(table.isShared(table.of('new', 1_050))).toBe(false)
    expect(table.count).toBeLessThanOrEqual(100)
  })

  it('forgets those who owe nothing as new keys come, before it is full', () => {
    const table = new Table(10_000)
    for (let i = 0; i < 9_000; i++) table.setLast(table.of(`once-${i}`, 0), 1)
    for (let i = 0; i < 8_000; i++) table.of(`later-${i}`, 10)
    expect(table.count).toBeLessThan(9_500)
    expect(table.turnedAway).toBe(0)
  })
})
