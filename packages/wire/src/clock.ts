/**
 * Time, injected. Nothing in Sluice reads a global clock: it is handed one of these, so that a test can hand over a
 * virtual clock and decide when time passes.
 */

/** A call that was put off; see {@link Clock.schedule}. */
export interface ScheduledCall {
  /** Takes the call back. Does nothing once it has run or been cancelled. */
  cancel(): void
}

/** Where time comes from. */
export interface Clock {
  /** Milliseconds, monotonic, from an arbitrary origin: only differences mean something. May have a fraction. */
  now(): number
  /** Milliseconds since the Unix epoch, for what is shown or sent: `Date` fields, log lines, expiry of tokens. */
  wallTime(): number
  /**
   * Calls `callback` once, not before `delayMs` milliseconds from now. It may be late by the clock's resolution (50 ms
   * for {@link systemClock}): meant for deadlines, not for animation. A scheduled call does not keep the process alive.
   */
  schedule(delayMs: number, callback: () => void): ScheduledCall
}
