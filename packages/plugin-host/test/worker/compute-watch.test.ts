/** When a plugin's thread is taken for stuck, by a clock that the test holds. */
import { virtualClock } from '@sluice/testing'
import type { Clock } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { ComputeWatch, type WatchedThread } from '../../src/worker/compute-watch.ts'

/** A watch over a thread that runs the guest of call 1, as long as nothing else is said. */
function watching() {
  const clock = virtualClock()
  let stoodStillMs = 0
  // A proxy that stood still finds its timers due at once, and the time gone.
  const late: Clock = {
    now: () => clock.now() + stoodStillMs,
    wallTime: () => clock.wallTime(),
    schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
  }
  const stuck: number[] = []
  const thread = {
    isBusy: true,
    waiting: 0,
    mark: 0,
    running: 1,
    mayHaveEnded: false,
    progressedAt: 0,
    drain: () => {},
  }
  const watch = new ComputeWatch<WatchedThread>({ computeMs: 150, wallMs: 5_000 }, late, (_thread, afterMs) => {
    stuck.push(afterMs)
    watch.end()
  })
  watch.begin(thread)
  watch.schedule()
  return { clock, thread, watch, stuck, standStill: (ms: number) => (stoodStillMs += ms) }
}

describe('a thread', () => {
  it('is stuck when its guest has computed for too long', () => {
    const { clock, stuck } = watching()
    clock.advance(149)
    expect(stuck).toEqual([])
    clock.advance(1)
    expect(stuck).toEqual([150])
    expect(clock.pending).toBe(0)
  })

  it('is not stuck as long as it says something, reads on, or its call may have ended', () => {
    const { clock, thread, watch, stuck } = watching()
    for (let i = 0; i < 10; i++) {
      clock.advance(100)
      watch.progressed(thread)
    }
    for (let i = 0; i < 10; i++) {
      clock.advance(100)
      thread.mark++
    }
    thread.mayHaveEnded = true
    clock.advance(1_000)
    expect(stuck).toEqual([])
    thread.mayHaveEnded = false
    clock.advance(150)
    expect(stuck).toEqual([150])
  })

  it('has as long as a call may take where no guest runs', () => {
    const { clock, thread, stuck } = watching()
    thread.running = 0
    clock.advance(4_999)
    expect(stuck).toEqual([])
    clock.advance(150)
    expect(stuck).toEqual([5_000])
  })

  it('is excused once where the proxy has stood still, and has its whole time again', () => {
    const { clock, stuck, standStill } = watching()
    clock.advance(100)
    standStill(400)
    clock.advance(50)
    expect(stuck).toEqual([])
    clock.advance(149)
    expect(stuck).toEqual([])
    standStill(400)
    clock.advance(1)
    expect(stuck).toEqual([150])
  })

  it('is not looked at while it has nothing to do', () => {
    const { clock, thread, watch, stuck } = watching()
    thread.isBusy = false
    clock.advance(150)
    expect(clock.pending).toBe(0)
    clock.advance(100)
    watch.willSend()
    thread.isBusy = true
    watch.schedule()
    clock.advance(149)
    expect(stuck).toEqual([])
    clock.advance(1)
    expect(stuck).toEqual([150])
  })
})
