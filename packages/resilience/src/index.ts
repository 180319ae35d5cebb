export { Breaker, type BreakerSnapshot, type BreakerState, type BreakerTicket } from './breaker/breaker.ts'
export { breakerPolicy, type BreakerOptions, type BreakerPolicy } from './breaker/breaker-policy.ts'
export { StatusSet, type StatusRange } from './status-set.ts'
export { activeHealth, type ActiveHealth } from './gates/active-health/active-health.ts'
export type { ActiveHealthOptions } from './gates/active-health/health-options.ts'
export type { TargetHealthSnapshot } from './gates/active-health/target-health.ts'
export { circuitBreaker, type CircuitBreakerOptions } from './gates/circuit-breaker.ts'
export type { OutlierEjectionOptions } from './gates/ejection-policy.ts'
export type { EjectionSnapshot } from './gates/ejection-record.ts'
export { outlierEjection } from './gates/outlier-ejection.ts'
export { slowStart, type SlowStartOptions, type SlowStartSnapshot } from './gates/slow-start.ts'
export {
  breakerClosed,
  breakerHalfOpen,
  breakerOpened,
  targetEjected,
  targetHealthChanged,
  targetReturned,
  type BreakerEvent,
  type EjectionCause,
  type EjectionEvent,
  type TargetEjectedEvent,
  type TargetHealthEvent,
} from './events.ts'
export { retry, type RetryOptions } from './middlewares/retry.ts'
export { hedge, type HedgeOptions } from './middlewares/hedge.ts'
export { deadline, type DeadlineOptions } from './middlewares/deadline.ts'
export { sendDeadline, type SendDeadlineOptions } from './middlewares/send-deadline.ts'
export type { TimeoutFormat } from './middlewares/timeout-field.ts'
export {
  concurrencyLimit,
  type ConcurrencyLimit,
  type ConcurrencyLimitOptions,
  type ConcurrencyLimitSnapshot,
} from './middlewares/concurrency-limit.ts'
export type { KeySnapshot } from './middlewares/keyed-limiters.ts'
export { Gradient2, type Gradient2Options } from './middlewares/gradient2.ts'
export {
  shedLoad,
  type ClassField,
  type LoadShedder,
  type ShedLoadOptions,
  type ShedLoadSnapshot,
  type ShedThresholds,
} from './middlewares/shed-load.ts'
export { routeBreaker, type RouteBreaker, type RouteBreakerOptions } from './middlewares/route-breaker.ts'
export type { FallbackData, FallbackFunction } from './middlewares/fallback-reply.ts'
export {
  hedged,
  hedgeWon,
  limitRefused,
  loadShed,
  retried,
  retryRefused,
  type HedgedEvent,
  type HedgeWonEvent,
  type LimitRefusedEvent,
  type LoadShedEvent,
  type RetriedEvent,
  type RetryRefusedEvent,
} from './events.ts'
