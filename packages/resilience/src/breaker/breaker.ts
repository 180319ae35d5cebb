/**
 * A circuit breaker as a state machine and nothing else: it has no clock and schedules nothing, every call says what time
 * it is. Closed, it counts; open, it admits nothing until its time is over; half-open, it admits a few probes, one more
 * after each that succeeds, until enough have (oxy's recovery ramp, linkerd's penalty with backoff).
 *
 *     if (!breaker.admits(now)) return refusal
 *     const ticket = breaker.began(now)
 *     // then, as it turns out: breaker.succeeded(now, ticket) or breaker.failed(now, ticket), or neither
 *     breaker.ended(ticket)
 *     // and where its body breaks after a success: breaker.brokeOff(now, ticket)
 */
import type { Random } from '@sluice/core'
import type { BreakerPolicy } from './breaker-policy.ts'
import { FailureStreak } from './failure-streak.ts'
import { OutcomeWindow } from './outcome-window.ts'

/** `closed`: all pass. `open`: none. `half-open`: a few, to find out. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/**
 * What a breaker hands out for each try that begins, and wants back with its result: so that a result is held against the
 * phase in which the try began, and not against a later one. `0` is for a try that counts for nothing.
 */
export type BreakerTicket = number

/** A breaker's state as plain data. Times are milliseconds of the clock. */
export interface BreakerSnapshot {
  readonly state: BreakerState
  /** When the state began. */
  readonly since: number
  /** When an open one becomes half-open. */
  readonly nextChangeAt: number | undefined
  readonly consecutiveFailures: number
  /** Results in the window. */
  readonly successes: number
  readonly failures: number
  /** Probes under way. */
  readonly probes: number
  /** How many times in a row it has opened without having recovered for long: what the backoff goes by. */
  readonly openings: number
}

const NO_TICKET: BreakerTicket = 0

/** One breaker. No call allocates while it is closed. */
export class Breaker {
  readonly #policy: BreakerPolicy
  readonly #random: Random
  readonly #changed: ((breaker: Breaker, before: BreakerState) => void) | undefined
  readonly #window: OutcomeWindow
  readonly #streak: FailureStreak = new FailureStreak()
  #state: BreakerState = 'closed'
  #since: number
  #openUntil = 0
  /** Counts the phases; a ticket is the number of its phase, negative where it stands for a probe. */
  #phase = 1
  #openings = 0
  #probes = 0
  #probeSuccesses = 0

  /** `changed` is told of each change of the state, when it has come about. */
  constructor(
    policy: BreakerPolicy,
    random: Random,
    now: number,
    changed?: (breaker: Breaker, before: BreakerState) => void,
  ) {
    this.#policy = policy
    this.#random = random
    this.#changed = changed
    this.#window = new OutcomeWindow(policy.windowMs)
    this.#since = now
  }

  /** As of the last call that said what time it is. */
  get state(): BreakerState {
    return this.#state
  }

  /** When the state began. */
  get since(): number {
    return this.#since
  }

  /** When it will change by time alone: the end of its being open. */
  get nextChangeAt(): number | undefined {
    return this.#state === 'open' ? this.#openUntil : undefined
  }

  /** Whether another try may begin now. */
  admits(now: number): boolean {
    this.advance(now)
    return this.#state === 'closed' || (this.#state === 'half-open' && this.#probes < this.#allowedProbes())
  }

  /** Lets time alone do what it does: an open breaker becomes half-open when its time is over. */
  advance(now: number): void {
    if (this.#state === 'open' && now >= this.#openUntil) this.#enter('half-open', now)
  }

  /** A try begins. One that was not admitted (somebody had no other choice) gets a ticket that counts for nothing. */
  began(now: number): BreakerTicket {
    if (this.#state === 'closed') return this.#phase
    if (!this.admits(now)) return NO_TICKET
    this.#probes++
    return -this.#phase
  }

  /** A try that began with this ticket went well. */
  succeeded(now: number, ticket: BreakerTicket): void {
    if (!this.#isCurrent(ticket)) return
    if (this.#state === 'half-open') {
      this.#probeSuccesses++
      if (this.#probeSuccesses >= this.#policy.successesToClose) this.#enter('closed', now)
      return
    }
    this.#streak.succeeded()
    this.#window.succeeded(now)
    if (this.#hasTooManyFailures()) this.#open(now)
  }

  /** A try that began with this ticket failed. */
  failed(now: number, ticket: BreakerTicket): void {
    if (!this.#isCurrent(ticket)) return
    if (this.#state === 'closed') {
      this.#streak.failed()
      this.#window.failed(now)
    }
    this.#openIfDue(now)
  }

  /** A try that began with this ticket, and had been reported as a success, broke in its body: it failed after all. */
  brokeOff(now: number, ticket: BreakerTicket): void {
    if (!this.#isCurrent(ticket)) return
    if (this.#state === 'closed') {
      this.#streak.brokeOff()
      this.#window.brokeOff(now)
    }
    this.#openIfDue(now)
  }

  /** The try is over, or is known to be well: a probe's place is free. Exactly once for each ticket. */
  ended(ticket: BreakerTicket): void {
    // Places are counted across phases: probes that still hang from the last time leave less room for new ones.
    if (ticket < 0) this.#probes--
  }

  snapshot(now: number): BreakerSnapshot {
    this.#window.moveTo(now)
    return {
      state: this.#state,
      since: this.#since,
      nextChangeAt: this.nextChangeAt,
      consecutiveFailures: this.#streak.length,
      successes: this.#window.successes,
      failures: this.#window.failures,
      probes: this.#probes,
      openings: this.#openings,
    }
  }

  #allowedProbes(): number {
    return Math.min(this.#policy.maxProbes, 1 + this.#probeSuccesses)
  }

  #isCurrent(ticket: BreakerTicket): boolean {
    return (ticket < 0 ? -ticket : ticket) === this.#phase
  }

  /** After a failure: a half-open breaker opens at the first. */
  #openIfDue(now: number): void {
    const { consecutiveFailures: limit } = this.#policy
    const isLong = limit > 0 && this.#streak.length >= limit
    if (this.#state === 'half-open' || isLong || this.#hasTooManyFailures()) this.#open(now)
  }

  #hasTooManyFailures(): boolean {
    const { failureRatio, minVolume } = this.#policy
    const { successes, failures } = this.#window
    return failureRatio > 0 && successes + failures >= minVolume && failures >= failureRatio * (successes + failures)
  }

  #open(now: number): void {
    const { openMs, maxOpenMs, jitter } = this.#policy
    // The backoff begins anew where it had been well for as long as it first stays open.
    if (this.#state === 'closed' && now - this.#since >= openMs) this.#openings = 0
    const delayMs = Math.min(maxOpenMs, openMs * 2 ** this.#openings)
    this.#openings++
    this.#openUntil = now + delayMs * (1 + jitter * this.#random())
    this.#enter('open', now)
  }

  #enter(state: BreakerState, now: number): void {
    const before = this.#state
    this.#state = state
    this.#since = now
    this.#phase++
    this.#streak.clear()
    this.#probeSuccesses = 0
    this.#window.clear()
    this.#changed?.(this, before)
  }
}
