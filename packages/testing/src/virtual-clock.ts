/**
 * A clock whose time passes when a test says so. It starts at odd moments on purpose: code that takes `now()` for zero,
 * for a whole number or for the time of day fails here instead of in production.
 */
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import type { Clock, ScheduledCall } from '@sluice/wire'

/** Where a virtual clock starts. */
export interface VirtualClockOptions {
  /**
   * What `now()` says at first, in milliseconds. The default has a fraction that binary numbers hold exactly, so that two
   * steps of 500 ms come to one of 1,000.
   * @default 12_345.6875
   */
  readonly now?: number
  /** What `wallTime()` says at first, in whole milliseconds since the Unix epoch. @default 981_173_106_789 */
  readonly wallTime?: number
}

/** A {@link Clock} that stands still until it is advanced. */
export interface VirtualClock extends Clock {
  /** How many scheduled calls have neither run nor been cancelled. */
  readonly pending: number
  /**
   * Lets `ms` milliseconds pass. What falls due runs in the order of its due time, and in the order of scheduling where
   * that is equal; `now()` is the due time meanwhile, so a call that schedules another within the span sees it run too.
   * What a call throws is thrown on, with the clock at that call's due time.
   * @throws {RangeError} when `ms` is negative or not finite
   */
  advance(ms: number): void
  /** Does the same, and lets promises settle, and the event loop turn once, before, between and after the calls. */
  advanceAsync(ms: number): Promise<void>
}

/** Calls at one and the same instant that are taken for a loop without end. */
const MAX_CALLS_AT_ONCE = 100_000

/** Makes a clock for tests. */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  return new ManualClock(options.now ?? 12_345.6875, options.wallTime ?? 981_173_106_789)
}

interface Due {
  readonly at: number
  readonly callback: () => void
}

class ManualClock implements VirtualClock {
  #now: number
  #advancing = false
  /** In the order in which they run. */
  readonly #queue: Due[] = []
  readonly #start: number
  readonly #wallStart: number

  constructor(now: number, wallTime: number) {
    this.#now = now
    this.#start = now
    this.#wallStart = wallTime
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#wallStart + Math.floor(this.#now - this.#start)
  }

  get pending(): number {
    return this.#queue.length
  }

  schedule(delayMs: number, callback: () => void): ScheduledCall {
    if (Number.isNaN(delayMs)) throw new RangeError('the delay is not a number')
    const due: Due = { at: this.#now + Math.max(0, delayMs), callback }
    const later = this.#queue.findIndex((each) => each.at > due.at)
    this.#queue.splice(later < 0 ? this.#queue.length : later, 0, due)
    return { cancel: () => this.#remove(due) }
  }

  advance(ms: number): void {
    const end = this.#begin(ms)
    try {
      for (const due of this.#dueUntil(end)) due.callback()
      this.#now = end
    } finally {
      this.#advancing = false
    }
  }

  async advanceAsync(ms: number): Promise<void> {
    const end = this.#begin(ms)
    try {
      await eventLoopTurn()
      for (const due of this.#dueUntil(end)) {
        due.callback()
        await eventLoopTurn()
      }
      this.#now = end
      await eventLoopTurn()
    } finally {
      this.#advancing = false
    }
  }

  #begin(ms: number): number {
    if (!(Number.isFinite(ms) && ms >= 0)) throw new RangeError(`time can not advance by ${ms} ms`)
    if (this.#advancing) throw new Error('this clock is being advanced already')
    this.#advancing = true
    return this.#now + ms
  }

  *#dueUntil(end: number): Generator<Due> {
    let callsAtOnce = 0
    for (let next = this.#queue[0]; next !== undefined && next.at <= end; next = this.#queue[0]) {
      callsAtOnce = next.at > this.#now ? 0 : callsAtOnce + 1
      if (callsAtOnce > MAX_CALLS_AT_ONCE) throw new Error(`more than ${MAX_CALLS_AT_ONCE} calls are due at once`)
      this.#queue.shift()
      this.#now = next.at
      yield next
    }
  }

  #remove(due: Due): void {
    const index = this.#queue.indexOf(due)
    if (index >= 0) this.#queue.splice(index, 1)
  }
}
