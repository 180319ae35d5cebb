/** What the guards report, as `sluice:auth:<event>`. Nothing is built for an event that nobody listens to. */
import { defineEvent, type EventChannel, type Exchange } from '@sluice/core'

/** A guard has refused a request, or would have. */
export interface AccessRefusedEvent {
  readonly exchange: Exchange
  /** The guard's name: `accessRules`, `cors`, `fetchMetadata`, or the one that its options give it. */
  readonly guard: string
  /** The rule that decided: its name, or a fixed word such as `default`, `cross-site`, `origin`. */
  readonly rule: string
  /** Whether it was only counted: the exchange went on. */
  readonly shadow: boolean
}

/** A list of addresses is another from now on. */
export interface CidrListReplacedEvent {
  readonly list: string
  /** How many entries it has. */
  readonly entries: number
}

/** A list of addresses can't be read, or has a mistake in it. The one that was there stays. */
export interface CidrListFailedEvent {
  readonly list: string
  readonly error: Error
}

/** `sluice:auth:access-refused` */
export const accessRefused: EventChannel<AccessRefusedEvent> = defineEvent<AccessRefusedEvent>('auth', 'access-refused')
/** `sluice:auth:cidr-list-replaced` */
export const cidrListReplaced: EventChannel<CidrListReplacedEvent> = defineEvent<CidrListReplacedEvent>(
  'auth',
  'cidr-list-replaced',
)
/** `sluice:auth:cidr-list-failed`: once for each mistake, however often it is found. */
export const cidrListFailed: EventChannel<CidrListFailedEvent> = defineEvent<CidrListFailedEvent>(
  'auth',
  'cidr-list-failed',
)
