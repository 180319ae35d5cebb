import { virtualClock } from '@sluice/testing'
/** What each algorithm promises, for any pattern of arrivals, over a minute of virtual time. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryStore, type PolicyOptions } from '../../src/index.ts'
import { policyOf } from '../set-up.ts'

const MINUTE = 60_000

/** Pauses, and how many requests come behind each: trickles, bursts, silence. */
const arrivals = fc.array(
  fc.record({
    pauseMs: fc.oneof(
      fc.integer({ min: 0, max: 50 }),
      fc.double({ min: 0, max: 2_000, noNaN: true }),
      fc.constantFrom(1_000, 5_000, 10_000, 20_000),
    ),
    count: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 })),
  }),
  { minLength: 5, maxLength: 120 },
)

const limits = fc.record({
  limit: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0.5, max: 50, noNaN: true })),
  windowMs: fc.constantFrom(100, 1_000, 7_500, 10_000, 60_000),
})

/** Lets them arrive for a minute; gives the times of those that passed, and checks each refusal. */
function run(
  options: PolicyOptions & { readonly hasWholeCost?: boolean },
  pattern: readonly { readonly pauseMs: number; readonly count: number }[],
  onRefused: (now: number, admitted: readonly number[]) => void,
): number[] {
  const clock = virtualClock()
  const policy = policyOf(options)
  const account = memoryStore({ maxKeys: 4 }).openLimits([
    { ...policy, hasWholeCost: options.hasWholeCost ?? policy.hasWholeCost },
  ])
  const admitted: number[] = []
  const start = clock.now()
  for (let i = 0; clock.now() < start + MINUTE; i++) {
    const { pauseMs, count } = pattern[i % pattern.length]!
    // Should all pauses be 0, time passes all the same.
    clock.advance(pauseMs + 0.25)
    for (let j = 0; j < count; j++) {
      const decision = account.check(['key'], [1], clock)
      if (decision instanceof Promise) throw new Error('memory does not wait')
      if (decision.admitted) admitted.push(clock.now())
      else onRefused(clock.now(), admitted)
    }
  }
  return admitted
}

/** The most that were admitted beyond `rate` times the time, over all spans from one to another. */
function excess(times: readonly number[], ratePerMs: number): number {
  let lowest = Number.POSITIVE_INFINITY
  let most = 0
  times.forEach((time, i) => {
    lowest = Math.min(lowest, i - ratePerMs * time)
    most = Math.max(most, i - ratePerMs * time - lowest + 1)
  })
  return most
}

describe.each(['token-bucket', 'gcra'] as const)('%s', (algorithm) => {
  it('admits at most burst + rate * t in any span of time, and refuses nobody before', () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 300 }), arrivals, ({ limit, windowMs }, burst, pattern) => {
        const rate = limit / windowMs
        // Another way to count: the level of the bucket, and when it was so.
        let level = burst
        let at: number | undefined
        let seen = 0
        const levelAt = (now: number, admitted: readonly number[]): number => {
          for (; seen < admitted.length; seen++) {
            level = Math.min(burst, level + (admitted[seen]! - (at ?? admitted[seen]!)) * rate) - 1
            at = admitted[seen]!
          }
          return Math.min(burst, level + (now - (at ?? now)) * rate)
        }
        const times = run({ algorithm, limit, windowMs, burst }, pattern, (now, admitted) => {
          if (levelAt(now, admitted) >= 1 + 1e-4) throw new Error('refused though there was room')
        })
        expect(excess(times, rate)).toBeLessThanOrEqual(burst + 1e-4)
      }),
      { numRuns: 60 },
    )
  })

  it('gives whoever asks all the time what the rate says, within 1 % over a minute', () => {
    fc.assert(
      fc.property(limits, ({ limit, windowMs }) => {
        const rate = limit / windowMs
        const stepMs = Math.max(0.5, 0.3 / rate)
        const count = Math.ceil(rate * stepMs) + 1
        const times = run({ algorithm, limit, windowMs, burst: 1 }, [{ pauseMs: stepMs - 0.25, count }], () => {})
        const expected = Math.min(rate, 1 / stepMs) * MINUTE
        if (count === 1) expect(times.length).toBeGreaterThanOrEqual(Math.floor(expected * 0.99) - 1)
        expect(times.length).toBeLessThanOrEqual(Math.ceil(rate * MINUTE * 1.01) + 1)
      }),
      { numRuns: 20 },
    )
  })
})

describe.each([
  { costs: 'known beforehand', hasWholeCost: true },
  { costs: 'not known', hasWholeCost: false },
])('sliding-window, with costs that are $costs', ({ hasWholeCost }) => {
  const algorithm = 'sliding-window'

  /** How many of `times` lie in the window that ends at `now`. */
  const within = (times: readonly number[], now: number, windowMs: number) => {
    let count = 0
    for (let i = times.length - 1; i >= 0 && times[i]! > now - windowMs; i--) count++
    return count
  }

  it('admits at most its limit in any window, and refuses only where that is spent but for 1 % of the window', () => {
    fc.assert(
      fc.property(limits, arrivals, ({ limit, windowMs }, pattern) => {
        const times = run({ algorithm, limit, windowMs, hasWholeCost }, pattern, (now, admitted) => {
          if (within(admitted, now, windowMs * 1.01) + 1 <= limit) throw new Error('refused though there was room')
        })
        let first = 0
        times.forEach((time, last) => {
          while (times[first]! <= time - windowMs) first++
          if (last - first + 1 > limit + 1e-4) throw new Error(`${last - first + 1} in one window`)
        })
        // Two windows are never more than two limits: burst + rate * t.
        expect(excess(times, limit / windowMs)).toBeLessThanOrEqual(limit + 1e-4)
      }),
      { numRuns: 60 },
    )
  })

  it('gives whoever asks all the time its limit for each window, within 1 % over a minute', () => {
    for (const limit of [3, 50, 51, 1_000]) {
      const times = run({ algorithm, limit, windowMs: 6_000, hasWholeCost }, [{ pauseMs: 0.75, count: 1 }], () => {})
      expect(times.length / (limit * 10)).toBeGreaterThan(0.99)
      expect(times.length).toBeLessThanOrEqual(limit * 10)
    }
  })

  it('lets a whole limit pass again when a window is over to the millisecond', () => {
    for (const limit of [3, 500]) {
      const times = run(
        { algorithm, limit, windowMs: 10_000, hasWholeCost },
        [{ pauseMs: 9_999.75, count: limit }],
        () => {
          throw new Error('refused')
        },
      )
      expect(times).toHaveLength(limit * 6)
    }
  })
})
