/** Times in 32 bits: what is forgotten by them has to be out of the window, and soon is. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WindowTicks } from '../../src/memory/window-ticks.ts'

const windows = fc.oneof(
  fc.constantFrom(0.1, 1, 250, 60_000, 3_600_000, 30 * 86_400_000, 2 ** 45),
  fc.double({ min: 0.01, max: 1e10, noNaN: true }),
)
/** Up to those of a clock on the wall. */
const starts = fc.oneof(fc.double({ min: 1, max: 1e6, noNaN: true }), fc.double({ min: 1, max: 2e12, noNaN: true }))
/** Parts of a window that are more than one, or less, by anything. */
const parts = fc.oneof(
  fc.double({ min: 0, max: 3, noNaN: true }),
  fc.integer({ min: -8, max: 8 }).map((steps) => 1 + steps * 2 ** -29),
)

const isForgotten = (ticks: WindowTicks, spent: number, now: number) =>
  ((ticks.before(now) - ticks.behind(spent)) | 0) >= ticks.window

describe('ticks of a window', () => {
  it('never say that a window is over before it is, and soon after', () => {
    fc.assert(
      fc.property(windows, starts, parts, (windowMs, spent, part) => {
        const ticks = new WindowTicks(windowMs)
        const now = spent + part * windowMs
        if (isForgotten(ticks, spent, now)) expect(now - spent).toBeGreaterThanOrEqual(windowMs)
        else expect(now - spent).toBeLessThanOrEqual(windowMs * (1 + 2 ** -26))
      }),
      { numRuns: 2_000 },
    )
  })

  it('are exact for times of whole ticks', () => {
    const ticks = new WindowTicks(60_000)
    for (const spent of [0, 1_000.5, 123_456.75, 1.7e12 + 0.125]) {
      expect([59_999.875, 60_000].map((passed) => isForgotten(ticks, spent, spent + passed))).toEqual([false, true])
      expect(ticks.timeOf(ticks.behind(spent), spent + 30_000)).toBe(spent)
    }
  })

  it('are those of a time that is not before what was spent, and not a window behind', () => {
    fc.assert(
      fc.property(windows, starts, fc.double({ min: 0, max: 1, noNaN: true }), (windowMs, spent, part) => {
        const ticks = new WindowTicks(windowMs)
        const last = spent + part * windowMs
        const time = ticks.timeOf(ticks.behind(spent), last)
        expect(time).toBeGreaterThanOrEqual(spent)
        expect(time).toBeLessThanOrEqual(spent + windowMs * 2 ** -27)
      }),
      { numRuns: 2_000 },
    )
  })
})
