/** What this package reports, as `sluice:resilience:<event>`. Nothing is built for an event that nobody listens to. */
import { defineEvent, type EventChannel, type Exchange } from '@sluice/core'
import type { BreakerState } from './breaker/breaker.ts'

/** A circuit breaker has changed its state. */
export interface BreakerEvent {
  /** `target`: a gate's breaker of one target. `route`: a middleware's. */
  readonly of: 'target' | 'route'
  /** The upstream's name, or the middleware's. */
  readonly name: string
  /** The target's key. */
  readonly target: string | undefined
  readonly before: BreakerState
  /** When an open one becomes half-open, by the clock. */
  readonly nextChangeAt: number | undefined
}

/** `sluice:resilience:breaker-opened` */
export const breakerOpened: EventChannel<BreakerEvent> = defineEvent<BreakerEvent>('resilience', 'breaker-opened')
/** `sluice:resilience:breaker-half-open` */
export const breakerHalfOpen: EventChannel<BreakerEvent> = defineEvent<BreakerEvent>('resilience', 'breaker-half-open')
/** `sluice:resilience:breaker-closed` */
export const breakerClosed: EventChannel<BreakerEvent> = defineEvent<BreakerEvent>('resilience', 'breaker-closed')

/** A target was ejected for its failures, or has come back. */
export interface EjectionEvent {
  /** The upstream's name. */
  readonly upstream: string
  /** The target's key. */
  readonly target: string
}

/** Why a target was ejected. */
export type EjectionCause = 'consecutive-gateway-errors' | 'consecutive-server-errors' | 'success-rate'

/** A target was ejected. */
export interface TargetEjectedEvent extends EjectionEvent {
  readonly cause: EjectionCause
  /** When it comes back, by the clock. */
  readonly until: number
}

/** `sluice:resilience:target-ejected` */
export const targetEjected: EventChannel<TargetEjectedEvent> = defineEvent<TargetEjectedEvent>(
  'resilience',
  'target-ejected',
)
/** `sluice:resilience:target-returned` */
export const targetReturned: EventChannel<EjectionEvent> = defineEvent<EjectionEvent>('resilience', 'target-returned')

/** Probes have changed their verdict on a target. */
export interface TargetHealthEvent {
  /** The upstream's name. */
  readonly upstream: string
  /** The target's key. */
  readonly target: string
  readonly healthy: boolean
  /** What was wrong with the last probe. */
  readonly problem: string | undefined
}

/** `sluice:resilience:target-health-changed` */
export const targetHealthChanged: EventChannel<TargetHealthEvent> = defineEvent<TargetHealthEvent>(
  'resilience',
  'target-health-changed',
)

/** `retry` is going to try again. */
export interface RetriedEvent {
  readonly exchange: Exchange
  /** Of the try that is to come: 2 for the first retry. */
  readonly tryNumber: number
  /** The status or the error's code that the last try ended with. */
  readonly reason: string
  /** How long it waits first. */
  readonly delayMs: number
}

/** `retry` would have tried again, but the budget is spent. */
export interface RetryRefusedEvent {
  readonly exchange: Exchange
  /** The status or the error's code that is passed on. */
  readonly reason: string
}

/** `sluice:resilience:retried` */
export const retried: EventChannel<RetriedEvent> = defineEvent<RetriedEvent>('resilience', 'retried')
/** `sluice:resilience:retry-refused` */
export const retryRefused: EventChannel<RetryRefusedEvent> = defineEvent<RetryRefusedEvent>(
  'resilience',
  'retry-refused',
)

/** `hedge` sends another try beside those under way. */
export interface HedgedEvent {
  readonly exchange: Exchange
  /** 2 for the first hedge. */
  readonly tryNumber: number
  /** How long the try before it was waited for. */
  readonly delayMs: number
}

/** A hedge was answered before the first try. */
export interface HedgeWonEvent {
  readonly exchange: Exchange
  readonly tryNumber: number
  /** From the first try's start to the reply's head. */
  readonly durationMs: number
}

/** `sluice:resilience:hedged` */
export const hedged: EventChannel<HedgedEvent> = defineEvent<HedgedEvent>('resilience', 'hedged')
/** `sluice:resilience:hedge-won` */
export const hedgeWon: EventChannel<HedgeWonEvent> = defineEvent<HedgeWonEvent>('resilience', 'hedge-won')

/** `concurrencyLimit` has refused an exchange. */
export interface LimitRefusedEvent {
  readonly exchange: Exchange
  /** `full`: there was no room to wait. `timeout`: it waited too long. */
  readonly reason: 'full' | 'timeout'
  readonly limit: number
  readonly inFlight: number
  readonly pending: number
}

/** `sluice:resilience:limit-refused` */
export const limitRefused: EventChannel<LimitRefusedEvent> = defineEvent<LimitRefusedEvent>(
  'resilience',
  'limit-refused',
)

/** `shedLoad` has turned an exchange away. */
export interface LoadShedEvent {
  readonly exchange: Exchange
  readonly priorityClass: number
  /** What the delay was last seen at. */
  readonly delayMs: number
}

/** `sluice:resilience:load-shed` */
export const loadShed: EventChannel<LoadShedEvent> = defineEvent<LoadShedEvent>('resilience', 'load-shed')
