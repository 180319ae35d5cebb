/**
 * A circuit breaker for each target, as a gate: a target that keeps failing is left alone for a while, then tried with a
 * few attempts, more with each that succeeds. A reply's head is what it is judged by; a body that breaks later counts
 * against it after all.
 */
import type { Attempt, EventChannel, Gate, GateFactory, GateServices, Target } from '@sluice/core'
import { functionOption, type OptionNames, strictOption } from '@sluice/core/options'
import { BREAKER_NAMES, type BreakerOptions, breakerPolicy, type BreakerPolicy } from '../breaker/breaker-policy.ts'
import { Breaker, type BreakerSnapshot, type BreakerState, type BreakerTicket } from '../breaker/breaker.ts'
import { breakerClosed, breakerHalfOpen, breakerOpened, type BreakerEvent } from '../events.ts'
import { StatusSet, type StatusRange } from '../status-set.ts'
import { brokeOff } from './attempt-outcome.ts'

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions extends BreakerOptions {
  /** Replies that count as failures. An attempt that fails without one always does. @default ['5xx'] */
  readonly failureStatuses?: readonly StatusRange[]
  /**
   * Decides in place of `failureStatuses`: asked when an attempt's head has come, and when an attempt has failed, before its
   * head or after.
   */
  readonly isFailure?: (attempt: Attempt) => boolean
}

const NAMES: OptionNames<CircuitBreakerOptions> = {
  ...BREAKER_NAMES,
  failureStatuses: true,
  isFailure: true,
}

const EVENTS: Readonly<Record<BreakerState, EventChannel<BreakerEvent>>> = {
  closed: breakerClosed,
  open: breakerOpened,
  'half-open': breakerHalfOpen,
}

/**
 * A breaker for each target of an upstream.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` for an option that is wrong or not known
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): GateFactory {
  strictOption(options, NAMES, 'circuitBreaker')
  const policy = breakerPolicy(options, 'circuitBreaker')
  const statuses = new StatusSet(options.failureStatuses ?? ['5xx'], 'circuitBreaker.failureStatuses')
  const isFailure =
    functionOption(options.isFailure, 'circuitBreaker.isFailure') ??
    ((attempt: Attempt) => attempt.phase === 'failed' || statuses.has(attempt.status ?? 0))
  return (services) => new CircuitBreakerGate(services, { policy, statuses, isFailure })
}

interface CircuitBreakerSettings {
  readonly policy: BreakerPolicy
  readonly statuses: StatusSet
  readonly isFailure: (attempt: Attempt) => boolean
}

/** A target's breaker, and the probes that are under way there. */
interface Guarded {
  readonly breaker: Breaker
  /** A ticket without its sign has given its place back: see {@link Breaker}. */
  readonly probes: Map<Attempt, BreakerTicket>
}

class CircuitBreakerGate implements Gate {
  readonly name = 'circuit-breaker'
  readonly #services: GateServices
  readonly #settings: CircuitBreakerSettings
  readonly #guarded = new WeakMap<Target, Guarded>()
  /** How to take back the call that ends a breaker's being open. */
  readonly #wakeUps = new Map<Breaker, () => void>()
  #isClosed = false

  constructor(services: GateServices, settings: CircuitBreakerSettings) {
    this.#services = services
    this.#settings = settings
  }

  admits(target: Target): boolean {
    const breaker = this.#guarded.get(target)?.breaker
    if (breaker === undefined || breaker.state === 'closed') return true
    // Being open ends with the call that was scheduled for it, so that nothing changes while an upstream makes its list.
    return breaker.state === 'half-open' && breaker.admits(this.#services.clock.now())
  }

  reason(target: Target): string {
    const state = this.#guarded.get(target)?.breaker.state
    return state === 'half-open'
      ? 'its circuit breaker is half-open, and enough probes are under way'
      : `its circuit breaker is ${state ?? 'closed'}`
  }

  admitsAgainAt(target: Target): number | undefined {
    return this.#guarded.get(target)?.breaker.nextChangeAt
  }

  began(target: Target, attempt: Attempt): void {
    const guarded = this.#guarded.get(target) ?? this.#guard(target, attempt.startedAt)
    const { breaker, probes } = guarded
    // Closed, a ticket need not be kept: see `observe`.
    if (breaker.state === 'closed') return
    const now = this.#services.clock.now()
    const ticket = breaker.began(now)
    if (ticket === 0) return
    probes.set(attempt, ticket)
    if (!breaker.admits(now)) this.#services.changed(target)
  }

  observe(target: Target, attempt: Attempt): void {
    const guarded = this.#guarded.get(target)
    if (guarded === undefined) return
    const { breaker, probes } = guarded
    const now = this.#services.clock.now()
    const ticket = probes.size === 0 ? undefined : probes.get(attempt)
    if (ticket !== undefined) {
      // It gives its place back as soon as it is judged: its body may stream for hours.
      probes.set(attempt, Math.abs(ticket))
      this.#settle(target, breaker, attempt, ticket, now)
      return
    }
    // What began before the breaker came to be closed belongs to another time, and says nothing.
    if (breaker.state === 'closed' && attempt.startedAt >= breaker.since) {
      this.#judge(breaker, attempt, breaker.began(now), now)
    }
  }

  ended(target: Target, attempt: Attempt): void {
    const guarded = this.#guarded.get(target)
    if (guarded === undefined || guarded.probes.size === 0) return
    const ticket = guarded.probes.get(attempt)
    if (ticket === undefined) return
    guarded.probes.delete(attempt)
    this.#settle(target, guarded.breaker, undefined, ticket, this.#services.clock.now())
  }

  /** State by target key, of targets that have been used. */
  snapshot(): Readonly<Record<string, BreakerSnapshot>> {
    const now = this.#services.clock.now()
    const states: [string, BreakerSnapshot][] = []
    for (const target of this.#services.targets()) {
      const guarded = this.#guarded.get(target)
      if (guarded !== undefined) states.push([target.key, guarded.breaker.snapshot(now)])
    }
    return Object.fromEntries(states)
  }

  close(): void {
    this.#isClosed = true
    for (const cancel of this.#wakeUps.values()) cancel()
    this.#wakeUps.clear()
  }

  #guard(target: Target, since: number): Guarded {
    const { clock, random } = this.#services
    const breaker = new Breaker(this.#settings.policy, random, since, (breaker, before) =>
      this.#hasChanged(target, breaker, before, clock.now()),
    )
    const guarded: Guarded = { breaker, probes: new Map() }
    this.#guarded.set(target, guarded)
    return guarded
  }

  /** A probe turned out one way or the other, or (without `attempt`) is over. */
  #settle(target: Target, breaker: Breaker, attempt: Attempt | undefined, ticket: BreakerTicket, now: number): void {
    const wasFull = breaker.state === 'half-open' && !breaker.admits(now)
    if (attempt !== undefined) this.#judge(breaker, attempt, ticket, now)
    breaker.ended(ticket)
    // Where its state has changed that was announced already.
    if (wasFull && breaker.state === 'half-open' && breaker.admits(now)) this.#services.changed(target)
  }

  #judge(breaker: Breaker, attempt: Attempt, ticket: BreakerTicket, now: number): void {
    const { statuses, isFailure } = this.#settings
    const hasFailed = isFailure(attempt)
    if (!brokeOff(attempt)) {
      if (hasFailed) breaker.failed(now, ticket)
      else breaker.succeeded(now, ticket)
    } else if (hasFailed && !statuses.has(attempt.status ?? 0)) breaker.brokeOff(now, ticket)
  }

  #hasChanged(target: Target, breaker: Breaker, before: BreakerState, now: number): void {
    this.#wakeUps.get(breaker)?.()
    this.#wakeUps.delete(breaker)
    const { nextChangeAt, state } = breaker
    if (nextChangeAt !== undefined && !this.#isClosed) {
      const wakeUp = this.#services.clock.schedule(nextChangeAt - now, () => {
        // A sum of fractions may fall short of the time by a hair.
        breaker.advance(Math.max(this.#services.clock.now(), nextChangeAt))
      })
      this.#wakeUps.set(breaker, () => wakeUp.cancel())
    }
    const channel = EVENTS[state]
    if (channel.hasSubscribers) {
      channel.publish({ of: 'target', name: this.#services.upstream, target: target.key, before, nextChangeAt })
    }
    this.#services.changed(target)
  }
}
