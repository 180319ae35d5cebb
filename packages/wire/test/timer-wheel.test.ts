import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TimerWheel } from '../src/index.ts'

describe('TimerWheel', () => {
  // Odd on purpose: not a multiple of a tick, with a fraction.
  let now = 0
  let wheel: TimerWheel

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    // No sockets are to be looked at between a tick and its calls.
    vi.stubGlobal('setImmediate', (callback: () => void) => {
      callback()
      return { unref: () => {} }
    })
    now = 1_234.5
    wheel = new TimerWheel({ now: () => now })
  })

  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  /** Lets time pass in steps of a millisecond, with the interval running beside it. */
  function pass(ms: number): void {
    for (let i = 0; i < ms; i++) {
      now++
      vi.advanceTimersByTime(1)
    }
  }

  it('is never early, and late by at most one tick, whatever the phase', () => {
    const fired: { late: number }[] = []
    const random = lcg(42)
    for (let i = 0; i < 300; i++) {
      const delay = Math.floor(random() * 700)
      const due = now + delay
      wheel.schedule(delay, () => fired.push({ late: now - due }))
      pass(Math.floor(random() * 7))
    }
    pass(1_000)
    expect(fired).toHaveLength(300)
    for (const { late } of fired) {
      expect(late).toBeGreaterThanOrEqual(0)
      expect(late).toBeLessThanOrEqual(50)
    }
  })

  it('calls once, and not from within schedule', () => {
    const call = vi.fn()
    wheel.schedule(0, call)
    wheel.schedule(-5, call)
    expect(call).not.toHaveBeenCalled()
    pass(50)
    expect(call).toHaveBeenCalledTimes(2)
    pass(500)
    expect(call).toHaveBeenCalledTimes(2)
  })

  it('does not call what was cancelled, and takes a second cancel for nothing', () => {
    const call = vi.fn()
    const scheduled = wheel.schedule(100, call)
    const other = wheel.schedule(100, call)
    scheduled.cancel()
    scheduled.cancel()
    expect(wheel.size).toBe(1)
    pass(300)
    expect(call).toHaveBeenCalledTimes(1)
    other.cancel()
    expect(wheel.size).toBe(0)
  })

  it('lets a callback cancel one that is due in the same tick, and one further on', () => {
    const second = vi.fn()
    const third = vi.fn()
    const later = wheel.schedule(400, third)
    wheel.schedule(10, () => {
      same.cancel()
      later.cancel()
    })
    const same = wheel.schedule(10, second)
    pass(600)
    expect(second).not.toHaveBeenCalled()
    expect(third).not.toHaveBeenCalled()
    expect(wheel.size).toBe(0)
  })

  it('lets a callback arm itself again at once without looping', () => {
    let calls = 0
    const again = (): void => {
      calls++
      wheel.schedule(0, again)
    }
    wheel.schedule(0, again)
    for (let tick = 1; tick <= 10; tick++) {
      now += 50
      vi.advanceTimersByTime(50)
      expect(calls).toBeGreaterThanOrEqual(tick)
      expect(calls).toBeLessThanOrEqual(2 * tick)
      expect(wheel.size).toBe(1)
    }
  })

  it('keeps what lies more than a revolution ahead for its own round', () => {
    const call = vi.fn()
    const delay = 512 * 50 * 2 + 30
    wheel.schedule(delay, call)
    // In the same slot, two revolutions earlier.
    const near = vi.fn()
    wheel.schedule(30, near)
    pass(100)
    expect(near).toHaveBeenCalledTimes(1)
    pass(delay - 101)
    expect(call).not.toHaveBeenCalled()
    pass(51)
    expect(call).toHaveBeenCalledTimes(1)
  })

  it('reaches everything that is due after a pause longer than a revolution, and nothing else', () => {
    const due = Array.from({ length: 600 }, (_, i) => {
      const call = vi.fn()
      wheel.schedule(i * 50, call)
      return call
    })
    const notYet = vi.fn()
    wheel.schedule(512 * 50 * 3, notYet)
    now += 512 * 50 * 2
    vi.advanceTimersByTime(50)
    for (const call of due) expect(call).toHaveBeenCalledTimes(1)
    expect(notYet).not.toHaveBeenCalled()
    expect(wheel.size).toBe(1)
    now += 512 * 50
    vi.advanceTimersByTime(50)
    expect(notYet).toHaveBeenCalledTimes(1)
  })

  it('has one interval while anything is armed, and none while nothing is', () => {
    expect(vi.getTimerCount()).toBe(0)
    wheel.schedule(10, () => {})
    const scheduled = wheel.schedule(20, () => {})
    expect(vi.getTimerCount()).toBe(1)
    scheduled.cancel()
    pass(100)
    expect(vi.getTimerCount()).toBe(0)
    const call = vi.fn()
    now += 10_000
    wheel.schedule(10, call)
    expect(vi.getTimerCount()).toBe(1)
    pass(60)
    expect(call).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('calls the others all the same when one throws', () => {
    const others = [vi.fn(), vi.fn(), vi.fn()]
    wheel.schedule(10, others[0]!)
    wheel.schedule(10, () => {
      throw new Error('on purpose')
    })
    wheel.schedule(10, others[1]!)
    wheel.schedule(60, others[2]!)
    now += 200
    expect(() => vi.advanceTimersByTime(50)).toThrow('on purpose')
    now += 50
    vi.advanceTimersByTime(50)
    for (const other of others) expect(other).toHaveBeenCalledTimes(1)
    expect(wheel.size).toBe(0)
  })

  it('waits for ever for Infinity, and refuses what is not a number', () => {
    const call = vi.fn()
    const scheduled = wheel.schedule(Number.POSITIVE_INFINITY, call)
    now += 1e9
    vi.advanceTimersByTime(50)
    expect(call).not.toHaveBeenCalled()
    expect(wheel.size).toBe(1)
    scheduled.cancel()
    expect(() => wheel.schedule(Number.NaN, call)).toThrow(RangeError)
  })

  it('goes by the tick it is told', () => {
    const fine = new TimerWheel({ now: () => now, tickMs: 5 })
    const call = vi.fn()
    fine.schedule(12, call)
    pass(11)
    expect(call).not.toHaveBeenCalled()
    pass(6)
    expect(call).toHaveBeenCalledTimes(1)
  })
})

/** A small linear congruential generator: the same numbers in every run. */
function lcg(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
}
