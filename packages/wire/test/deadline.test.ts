import { virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { Deadline } from '../src/deadline.ts'
import type { Clock } from '../src/index.ts'

/** A virtual clock, and how often it was asked for a call. */
function counted() {
  const clock = virtualClock()
  const counter = { schedules: 0 }
  const counting: Clock = {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    schedule: (delayMs, callback) => {
      counter.schedules++
      return clock.schedule(delayMs, callback)
    },
  }
  return { clock, counting, counter }
}

function setUp() {
  const { clock, counting, counter } = counted()
  const expiries: number[] = []
  const start = clock.now()
  const deadline = new Deadline(counting, () => expiries.push(clock.now() - start))
  return { clock, counter, expiries, deadline }
}

describe('a deadline', () => {
  it('expires when its time is over, once, and not before', () => {
    const { clock, deadline, expiries } = setUp()
    deadline.arm(100)
    clock.advance(99.5)
    expect(expiries).toEqual([])
    clock.advance(0.5)
    clock.advance(1_000)
    expect(expiries).toEqual([100])
  })

  it('is never early, however often it was put off', () => {
    const { clock, deadline, expiries } = setUp()
    for (let i = 0; i < 1_000; i++) {
      deadline.arm(100)
      clock.advance(33.25)
    }
    expect(expiries).toEqual([])
    clock.advance(66.5)
    expect(expiries).toEqual([])
    clock.advance(0.25)
    expect(expiries).toEqual([33_250 + 66.75])
  })

  it('asks the clock once per timeout, not once per arming', () => {
    const { clock, counter, deadline } = setUp()
    for (let i = 0; i < 1_000; i++) {
      deadline.arm(100)
      clock.advance(1)
    }
    expect(counter.schedules).toBeLessThanOrEqual(12)
  })

  it('may be drawn nearer', () => {
    const { clock, deadline, expiries } = setUp()
    deadline.arm(1_000)
    deadline.arm(10)
    clock.advance(10)
    expect(expiries).toEqual([10])
    expect(clock.pending).toBe(0)
  })

  it.each(['clear', 'arm 0'] as const)('does not expire after %s, and can be armed again', (how) => {
    const { clock, deadline, expiries } = setUp()
    deadline.arm(100)
    if (how === 'clear') deadline.clear()
    else deadline.arm(0)
    clock.advance(500)
    expect(expiries).toEqual([])
    deadline.arm(100)
    clock.advance(100)
    expect(expiries).toEqual([600])
  })

  it('lets go of the clock once it is disposed of', () => {
    const { clock, deadline, expiries } = setUp()
    deadline.arm(100)
    deadline.dispose()
    expect(clock.pending).toBe(0)
    clock.advance(500)
    expect(expiries).toEqual([])
  })

  it('may be armed again by what it calls', () => {
    const clock = virtualClock()
    let rounds = 0
    const deadline: Deadline = new Deadline(clock, () => {
      if (++rounds < 3) deadline.arm(50)
    })
    deadline.arm(50)
    clock.advance(1_000)
    expect(rounds).toBe(3)
  })
})
