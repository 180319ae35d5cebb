import { describe, expect, it } from 'vitest'
import { virtualClock } from '../src/index.ts'

describe('virtualClock', () => {
  it('starts at odd moments, and where it is told', () => {
    const clock = virtualClock()
    expect(clock.now() % 1).not.toBe(0)
    expect(clock.wallTime()).toBe(981_173_106_789)
    const told = virtualClock({ now: 5.5, wallTime: 1_000 })
    expect([told.now(), told.wallTime()]).toEqual([5.5, 1_000])
  })

  it('stands still until it is advanced, then moves both times', () => {
    const clock = virtualClock()
    const [now, wallTime] = [clock.now(), clock.wallTime()]
    clock.advance(1_500.5)
    expect(clock.now() - now).toBe(1_500.5)
    expect(clock.wallTime() - wallTime).toBe(1_500)
  })

  it('runs what falls due in the order of due time, each at its own moment', () => {
    const clock = virtualClock()
    const start = clock.now()
    const ran: [string, number][] = []
    const note = (name: string) => () => void ran.push([name, clock.now() - start])
    clock.schedule(30, note('c'))
    clock.schedule(10, note('a'))
    clock.schedule(30, note('d'))
    clock.schedule(20, note('b'))
    clock.schedule(31, note('later'))
    clock.advance(30)
    expect(ran).toEqual([
      ['a', 10],
      ['b', 20],
      ['c', 30],
      ['d', 30],
    ])
    expect(clock.pending).toBe(1)
    expect(clock.now() - start).toBe(30)
  })

  it('runs calls that calls schedule, when they fall within the span', () => {
    const clock = virtualClock()
    const start = clock.now()
    const beats: number[] = []
    const beat = (): void => {
      beats.push(clock.now() - start)
      clock.schedule(10, beat)
    }
    clock.schedule(10, beat)
    clock.advance(35)
    expect(beats).toEqual([10, 20, 30])
  })

  it('adds up: two halves reach what the whole reaches', () => {
    const clock = virtualClock()
    let ran = false
    clock.schedule(1_000, () => (ran = true))
    for (let i = 0; i < 8; i++) clock.advance(124.875)
    expect(ran).toBe(false)
    clock.advance(1)
    expect(ran).toBe(true)
  })

  it('forgets a cancelled call, also from within another', () => {
    const clock = virtualClock()
    const ran: string[] = []
    const second = clock.schedule(20, () => ran.push('second'))
    clock.schedule(10, () => second.cancel())
    const never = clock.schedule(5, () => ran.push('never'))
    never.cancel()
    never.cancel()
    clock.advance(100)
    expect(ran).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('does not run a call before its scheduler has returned, not even with a delay of 0', () => {
    const clock = virtualClock()
    let ran = false
    clock.schedule(0, () => (ran = true))
    expect(ran).toBe(false)
    clock.advance(0)
    expect(ran).toBe(true)
  })

  it('lets promises settle between calls with advanceAsync', async () => {
    const clock = virtualClock()
    const start = clock.now()
    const sleep = async (ms: number): Promise<void> => await new Promise((resolve) => clock.schedule(ms, resolve))
    const woken: number[] = []
    const sleeper = (async () => {
      await Promise.resolve()
      for (let i = 0; i < 3; i++) {
        await sleep(10)
        woken.push(clock.now() - start)
      }
    })()
    await clock.advanceAsync(30)
    expect(woken).toEqual([10, 20, 30])
    await sleeper
  })

  it('throws on what a call throws, at its moment, and can go on', () => {
    const clock = virtualClock()
    const start = clock.now()
    clock.schedule(10, () => {
      throw new Error('from the call')
    })
    expect(() => clock.advance(20)).toThrow('from the call')
    expect(clock.now() - start).toBe(10)
    clock.advance(5)
    expect(clock.now() - start).toBe(15)
  })

  it('refuses to go back, to be advanced by its own calls, and to spin', () => {
    const clock = virtualClock()
    expect(() => clock.advance(-1)).toThrow(RangeError)
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError)
    expect(() => clock.schedule(Number.NaN, () => {})).toThrow(RangeError)
    clock.schedule(1, () => clock.advance(1))
    expect(() => clock.advance(1)).toThrow('already')
    const spin = (): void => void clock.schedule(0, spin)
    spin()
    expect(() => clock.advance(1)).toThrow('at once')
  })
})
