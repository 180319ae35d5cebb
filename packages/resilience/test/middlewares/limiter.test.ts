import { virtualClock } from '@sluice/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Limiter, Place, type WaitEnd } from '../../src/middlewares/limiter.ts'

/** One that came, and what became of it. */
interface Guest {
  readonly place: Place
  readonly number: number
  end: WaitEnd | 'taken' | 'full' | undefined
}

function makeHouse(rule: { limit: number }, maxPending: number, order: 'fifo' | 'lifo', pendingTimeoutMs = 100) {
  const clock = virtualClock()
  let emptied = 0
  const limiter = new Limiter(rule, { maxPending, order, pendingTimeoutMs }, () => emptied++)
  const guests: Guest[] = []
  const grants: number[] = []
  const come = () => {
    const guest: Guest = { place: new Place(limiter), number: guests.length, end: undefined }
    guests.push(guest)
    if (limiter.take(guest.place)) guest.end = 'taken'
    else {
      const isWaiting = limiter.wait(guest.place, clock, (end) => {
        // Told once, and never again.
        expect(guest.end).toBeUndefined()
        guest.end = end
        if (end === 'granted') grants.push(guest.number)
      })
      if (!isWaiting) guest.end = 'full'
    }
    return guest
  }
  return { clock, limiter, guests, grants, come, emptied: () => emptied }
}

describe('a limiter', () => {
  it.each([
    ['fifo', [1, 2, 3]],
    ['lifo', [3, 2, 1]],
  ] as const)('serves those who wait %s', (order, expected) => {
    const { come, grants, guests } = makeHouse({ limit: 1 }, 3, order)
    for (let i = 0; i < 5; i++) come()
    expect(guests.map(({ end }) => end)).toEqual(['taken', undefined, undefined, undefined, 'full'])
    guests[0]!.place.free()
    for (let i = 0; i < 2; i++) guests[grants.at(-1)!]!.place.free()
    expect(grants).toEqual(expected)
  })

  it('lets nobody in ahead of those who wait', () => {
    const rule = { limit: 1 }
    const { come } = makeHouse(rule, 2, 'fifo')
    come()
    come()
    rule.limit = 5
    expect(come().end).toBeUndefined()
  })

  it('has one wait for so long, and no longer', () => {
    const { clock, come, guests, limiter } = makeHouse({ limit: 1 }, 2, 'fifo', 100)
    come()
    come()
    clock.advance(99)
    expect(guests[1]!.end).toBeUndefined()
    clock.advance(1)
    expect([guests[1]!.end, limiter.pending, clock.pending]).toEqual(['expired', 0, 0])
  })

  it('serves more at once when the limit has grown with a sample', () => {
    let limit = 1
    const rule = {
      get limit() {
        return limit
      },
      sample: () => void (limit = 3),
    }
    const { come, guests, grants, limiter } = makeHouse(rule, 5, 'fifo')
    for (let i = 0; i < 5; i++) come()
    limiter.sample(guests[0]!.place, 10, false)
    expect(grants).toEqual([1, 2])
  })

  it('says when nobody is left', () => {
    const { come, emptied } = makeHouse({ limit: 1 }, 1, 'fifo')
    const first = come()
    const second = come()
    first.place.free()
    expect(emptied()).toBe(0)
    second.place.free()
    second.place.free()
    expect(emptied()).toBe(1)
  })

  it('never has more in flight than allowed, nor loses a place, whatever happens in whatever order', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ kind: 'come' as const }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('free' as const), which: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 150 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), to: fc.integer({ min: 1, max: 8 }) }) },
    )
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(6),
        fc.constantFrom('fifo' as const, 'lifo' as const),
        (steps, limit, maxPending, order) => {
          const rule = { limit }
          const { clock, come, grants, guests, limiter } = makeHouse(rule, maxPending, order)
          for (const each of steps) {
            const before = {
              inFlight: limiter.inFlight,
              waiting: guests.filter(({ place }) => place.state === 'pending'),
            }
            const granted = grants.length
            if (each.kind === 'come') come()
            // Of those that are there, or of those that have left long ago: to free twice must be harmless.
            else if (each.kind === 'free' && guests.length > 0) guests[each.which % guests.length]!.place.free()
            else if (each.kind === 'wait') clock.advance(each.ms)
            else if (each.kind === 'limit') rule.limit = each.to
            const held = guests.filter(({ place }) => place.state === 'held').length
            const pending = guests.filter(({ place }) => place.state === 'pending').length
            expect([limiter.inFlight, limiter.pending]).toEqual([held, pending])
            // A limit that shrinks takes no place away; but none is given beyond it.
            if (limiter.inFlight > before.inFlight) expect(limiter.inFlight).toBeLessThanOrEqual(rule.limit)
            expect(pending).toBeLessThanOrEqual(maxPending)
            if (limiter.inFlight < before.inFlight && pending > 0) expect(held).toBeGreaterThanOrEqual(rule.limit)
            const numbers = before.waiting.map(({ number }) => number).filter((each) => guests[each]!.end === 'granted')
            expect(grants.slice(granted)).toEqual(order === 'fifo' ? numbers : numbers.toReversed())
          }
          for (const { place } of guests) place.free()
          expect([limiter.inFlight, limiter.pending, clock.pending]).toEqual([0, 0, 0])
        },
      ),
      { numRuns: 200 },
    )
  })
})
