/** What this package reports, as `sluice:rate-limit:<event>`. Nothing is built for an event that nobody listens to. */
import { defineEvent, type EventChannel, type Exchange } from '@sluice/core'

/** A limit or a quota had no room for an exchange. */
export interface LimitRefusedEvent {
  readonly exchange: Exchange
  /** The names of the policies that had none. */
  readonly policies: readonly string[]
  /** Whether they are shadows: the exchange went on. */
  readonly shadow: boolean
  /** When the same cost can fit, in milliseconds from now. */
  readonly retryAfterMs: number
}

/** A store can't be asked any more. */
export interface StoreFailedEvent {
  readonly store: string
  readonly error: Error
  /** What happens to requests meanwhile. */
  readonly onStoreError: 'allow' | 'deny' | 'local'
}

/** A store is asked again. */
export interface StoreRecoveredEvent {
  readonly store: string
  /** How long it was not. */
  readonly downMs: number
}

/** There are more keys than a store in memory has places for, and all of them owe something: new ones share places. */
export interface KeysExhaustedEvent {
  readonly policy: string
  readonly maxKeys: number
}

/** `sluice:rate-limit:limit-refused` */
export const limitRefused: EventChannel<LimitRefusedEvent> = defineEvent<LimitRefusedEvent>(
  'rate-limit',
  'limit-refused',
)
/** `sluice:rate-limit:store-failed` */
export const storeFailed: EventChannel<StoreFailedEvent> = defineEvent<StoreFailedEvent>('rate-limit', 'store-failed')
/** `sluice:rate-limit:store-recovered` */
export const storeRecovered: EventChannel<StoreRecoveredEvent> = defineEvent<StoreRecoveredEvent>(
  'rate-limit',
  'store-recovered',
)
/** `sluice:rate-limit:keys-exhausted`: once each time. */
export const keysExhausted: EventChannel<KeysExhaustedEvent> = defineEvent<KeysExhaustedEvent>(
  'rate-limit',
  'keys-exhausted',
)
