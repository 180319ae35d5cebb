/**
 * A hashed timing wheel (Varghese and Lauck, 1987, scheme 6): arming and cancelling a deadline is O(1), and all deadlines
 * of a process share one Node timer, where a `setTimeout` for each request would cost a `Timeout` object and a sorted
 * list update. Coarse on purpose: a call is never early, and late by at most one tick.
 */
import type { ScheduledCall } from './clock.ts'

const SLOTS = 512

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
    this.#tick = this.#currentTick()
    for (let i = 0; i < SLOTS; i++) this.#slots.push(new WheelEntry(this, 0, noop))
  }

  /** How many calls are waiting. */
  get size(): number {
    return this.#armed
  }

  /** Calls `callback` once, at the first tick that is at least `delayMs` away. */
  schedule(delayMs: number, callback: () => void): ScheduledCall {
    if (this.#armed === 0) this.#tick = this.#currentTick()
    const due = Math.ceil((this.#now() + Math.max(0, delayMs)) / this.#tickMs)
    const entry = new WheelEntry(this, Math.max(due, this.#tick + 1), callback)
    entry.linkBefore(this.#slots[entry.dueTick % SLOTS]!)
    this.#armed++
    this.#timer ??= this.#startTimer()
    return entry
  }

  /** @internal */
  release(entry: WheelEntry): void {
    entry.unlink()
    this.#armed--
  }

  #currentTick(): number {
    return Math.floor(this.#now() / this.#tickMs)
  }

  #startTimer(): NodeJS.Timeout {
    return setInterval(() => this.#advance(), this.#tickMs).unref()
  }

  #advance(): void {
    const current = this.#currentTick()
    // After a long pause of the event loop one revolution reaches every slot; more would only repeat it.
    const steps = Math.min(current - this.#tick, SLOTS)
    const first = current - steps + 1
    this.#tick = current
    for (let tick = first; tick <= current; tick++) this.#expire(this.#slots[tick % SLOTS]!, current)
    if (this.#armed === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #expire(slot: WheelEntry, current: number): void {
    // Due entries move to a list of their own first: a callback may arm or cancel any other.
    const due = new WheelEntry(this, 0, noop)
    for (let entry = slot.next; entry !== slot;) {
      const next = entry.next
      if (entry.dueTick <= current) {
        entry.unlink()
        entry.linkBefore(due)
      }
      entry = next
    }
    while (due.next !== due) {
      const entry = due.next
      this.release(entry)
      entry.callback()
    }
  }
}

/** A node of a slot's circular list; the slot itself is one too, so that no end needs a special case. */
class WheelEntry implements ScheduledCall {
  next: WheelEntry = this
  previous: WheelEntry = this
  readonly wheel: TimerWheel
  readonly dueTick: number
  readonly callback: () => void

  constructor(wheel: TimerWheel, dueTick: number, callback: () => void) {
    this.wheel = wheel
    this.dueTick = dueTick
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
