/** The table against a Map, and what becomes of keys for which there is no room. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyTable, SHARED } from '../../src/memory/key-table.ts'

describe('a table', () => {
  it('finds what a Map would, whatever comes and goes', () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 60 }), debtMs: fc.integer({ min: 0, max: 40 }) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 300, maxLength: 400 }), (steps) => {
        const table = new KeyTable(40)
        const model = new Map<string, number>()
        steps.forEach(({ key, debtMs }, now) => {
          const place = table.placeOf(`key-${key}`, now)
          if (table.isShared(place)) return
          // What owes nothing may have been forgotten; all else must be there.
          const owed = model.get(`key-${key}`) ?? 0
          expect(Math.max(now, table.resetAt(place))).toBe(Math.max(now, owed))
          table.setResetAt(place, Math.max(now, owed) + debtMs)
          model.set(`key-${key}`, Math.max(now, owed) + debtMs)
        })
        expect(table.count).toBeLessThanOrEqual(40)
      }),
      { numRuns: 100 },
    )
  })

  it('moves what else is kept for a place along with it', () => {
    const own = new Map<number, string>()
    const table = new KeyTable(
      64,
      (from, to) => {
        own.set(to, own.get(from)!)
        own.delete(from)
      },
      (place) => own.delete(place),
    )
    for (let now = 0; now < 5_000; now++) {
      const key = `key-${(now * 7) % 300}`
      const place = table.placeOf(key, now)
      expect(own.get(place) ?? key).toBe(key)
      own.set(place, key)
      table.setResetAt(place, now + 30)
    }
    expect(own.size).toBe(table.count)
  })
})

describe('a full table', () => {
  const full = () => {
    const table = new KeyTable(100)
    for (let i = 0; i < 100; i++) table.setResetAt(table.placeOf(`owes-${i}`, 0), 1_000 + i)
    return table
  }

  it('keeps all who owe something, however many others come', () => {
    const table = full()
    for (let i = 0; i < 10_000; i++) expect(table.isShared(table.placeOf(`flood-${i}`, 10))).toBe(true)
    for (let i = 0; i < 100; i++) expect(table.resetAt(table.placeOf(`owes-${i}`, 10))).toBe(1_000 + i)
    expect([table.count, table.turnedAway]).toEqual([100, 10_000])
  })

  it('gives new keys the same shared place each time, spread over all of them', () => {
    const table = full()
    const places = Array.from({ length: 20_000 }, (_, i) => table.placeOf(`flood-${i}`, 10))
    expect(new Set(places).size).toBeGreaterThan(SHARED * 0.99)
    expect(table.placeOf('flood-7', 10)).toBe(places[7])
  })

  it('has room again when somebody owes nothing any more', () => {
    const table = full()
    expect(table.isShared(table.placeOf('new', 1_050))).toBe(false)
    expect(table.count).toBeLessThanOrEqual(100)
  })

  it('forgets those who owe nothing as new keys come, without being full', () => {
    const table = new KeyTable(10_000)
    for (let i = 0; i < 9_000; i++) table.setResetAt(table.placeOf(`once-${i}`, 0), 1)
    for (let i = 0; i < 8_000; i++) table.placeOf(`later-${i}`, 10)
    expect(table.count).toBeLessThan(9_000)
  })
})
