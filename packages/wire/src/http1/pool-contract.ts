/** What a pool of connections is told, asked and says. */
import type { ClientConnection, CloseReason } from './client-connection.ts'
import type { ConnectError, ConnectorOptions } from './connector.ts'
import type { MessageLimits } from './limits.ts'

/**
 * Which requests may go over a connection that has served others: `always`; `never`; `safe`: those that could not be
 * repeated only where the connection was in use within the last second.
 */
export type ReusePolicy = 'safe' | 'always' | 'never'

/** Options of a pool; durations in milliseconds, 0 for no limit. */
export interface PoolOptions extends ConnectorOptions {
  readonly limits: MessageLimits
  readonly maxConnections: number
  /** Requests that wait while all connections are busy; more fail at once. */
  readonly maxPending: number
  /** Longest such wait. */
  readonly pendingTimeoutMs: number
  readonly idleTimeoutMs: number
  /** After this time, with up to a tenth more by chance, a connection is closed once it is idle. */
  readonly maxLifetimeMs: number
  readonly maxRequests: number
  /** Idle connections that the idle timeout leaves; once the pool is to be warm, so many are opened beforehand. */
  readonly minIdle: number
  readonly reuse: ReusePolicy
}

/** Why there is no connection. */
export type AcquireFailure = ConnectError | { readonly kind: 'queue-full' | 'queue-timeout' | 'closed' }

/** Wants a connection. */
export interface Waiter {
  /** Whether its request can be repeated, should the connection turn out to be stale. */
  readonly isRepeatable: boolean
  /** Whether only a new connection will do. */
  readonly needsFresh: boolean
  acquired(connection: ClientConnection, isReused: boolean): void
  refused(failure: AcquireFailure): void
}

/** Live figures. */
export interface PoolStats {
  readonly active: number
  readonly idle: number
  readonly connecting: number
  readonly pending: number
  readonly opened: number
  /** Of those that were opened: with TLS that went on with an earlier session. */
  readonly resumed: number
  readonly closed: Readonly<Record<CloseReason, number>>
}
