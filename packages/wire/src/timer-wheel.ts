/**
 * A hashed timing wheel (Varghese and Lauck, 1987, scheme 6): arming and cancelling a deadline is O(1), and all deadlines
 * of a process share one Node timer, where a `setTimeout` for each request would cost a `Timeout` object and a sorted
 * list update. Coarse on purpose: a call is never early, and late by at most one tick.
 */
import type { ScheduledCall } from './clock.ts'

const SLOTS = 512
/** Far enough for any deadline, and a number that can still be added to. */
const FOREVER_MS = Number.MAX_SAFE_INTEGER / 2

/** Options of a {@link TimerWheel}. */
export interface TimerWheelOptions {
  /** Milliseconds in one tick: the resolution. @default 50 */
  readonly tickMs?: number
  /** The monotonic time in milliseconds. */
  readonly now: () => number
}

/** One revolution is 512 ticks; what lies further ahead waits for another round in its slot. */
export class TimerWheel {
  readonly #tickMs: number
  readonly #now: () => number
  readonly #slots: WheelEntry[] = []
  #tick: number
  #armed = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: TimerWheelOptions) {
    this.#tickMs = options.tickMs ?? 50
    this.#now = options.now
    this.#tick = this.#tickAt(this.#now())
    for (let i = 0; i < SLOTS; i++) this.#slots.push(new WheelEntry(this, 0, noop))
  }

  /** How many calls are waiting. */
  get size(): number {
    return this.#armed
  }

  /**
   * Calls `callback` once, at the first look at the clock that is at least `delayMs` away.
   * @throws {RangeError} when `delayMs` is not a number
   */
  schedule(delayMs: number, callback: () => void): ScheduledCall {
    if (Number.isNaN(delayMs)) throw new RangeError('the delay is not a number')
    if (this.#armed === 0) this.#tick = this.#tickAt(this.#now())
    const entry = new WheelEntry(this, this.#now() + Math.min(Math.max(0, delayMs), FOREVER_MS), callback)
    entry.linkBefore(this.#slots[this.#tickAt(entry.dueAt) % SLOTS]!)
    this.#armed++
    this.#timer ??= this.#startTimer()
    return entry
  }

  /** @internal */
  release(entry: WheelEntry): void {
    entry.unlink()
    this.#armed--
  }

  #tickAt(time: number): number {
    return Math.floor(time / this.#tickMs)
  }

  #startTimer(): NodeJS.Timeout {
    return setInterval(() => {
      // Between this look at the clock and the calls that follow from it come the sockets: where the event loop stood
      // still, an answer that has come in the meantime is not late.
      const now = this.#now()
      setImmediate(() => this.#advance(now)).unref()
    }, this.#tickMs).unref()
  }

  #advance(now: number): void {
    const current = this.#tickAt(now)
    // The slot of the last look may hold what was not due then. After a long pause of the event loop one revolution
    // reaches every slot; more would only repeat it.
    for (let tick = Math.max(this.#tick, current - SLOTS + 1); tick <= current; tick++) {
      this.#tick = tick
      this.#expire(this.#slots[tick % SLOTS]!, now)
    }
    if (this.#armed === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #expire(slot: WheelEntry, now: number): void {
    // Due entries move to a list of their own first: a callback may arm or cancel any other.
    const due = new WheelEntry(this, 0, noop)
    for (let entry = slot.next; entry !== slot;) {
      const next = entry.next
      if (entry.dueAt <= now) {
        entry.unlink()
        entry.linkBefore(due)
      }
      entry = next
    }
    try {
      while (due.next !== due) {
        const entry = due.next
        this.release(entry)
        entry.callback()
      }
    } finally {
      // Only where a callback threw: the others are called at the next look, which begins with this slot.
      while (due.next !== due) {
        const entry = due.next
        entry.unlink()
        entry.linkBefore(slot)
      }
    }
  }
}

/** A node of a slot's circular list; the slot itself is one too, so that no end needs a special case. */
class WheelEntry implements ScheduledCall {
  next: WheelEntry = this
  previous: WheelEntry = this
  readonly wheel: TimerWheel
  readonly dueAt: number
  readonly callback: () => void

  constructor(wheel: TimerWheel, dueAt: number, callback: () => void) {
    this.wheel = wheel
    this.dueAt = dueAt
    this.callback = callback
  }

  cancel(): void {
    if (this.next !== this) this.wheel.release(this)
  }

  linkBefore(other: WheelEntry): void {
    this.previous = other.previous
    this.next = other
    other.previous.next = this
    other.previous = this
  }

  unlink(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.next = this
    this.previous = this
  }
}

function noop(): void {}
