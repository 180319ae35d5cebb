/** What a server decides for its connections, and what they tell it. */
import type { Clock } from '../clock.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { MessageLimits } from './limits.ts'
import type { MessageError } from './message-error.ts'
import type { ServerConnection } from './server-connection.ts'

/** Options of a connection; all durations in milliseconds, 0 for none. */
export interface ConnectionOptions {
  readonly limits: MessageLimits
  /** From the first byte of a head to its last. @default 60_000 */
  readonly headTimeoutMs: number
  /** Longest silence within a request body. @default 60_000 */
  readonly bodyIdleTimeoutMs: number
  /** From a head to the end of its body. 0 for none. @default 0 */
  readonly requestTimeoutMs?: number
  /** Longest time in which a client reads nothing of what waits for it. @default 60_000 */
  readonly sendTimeoutMs: number
  /** How long a connection without a request is kept, also before the first. @default 65_000 */
  readonly idleTimeoutMs: number
  /** After so many requests the connection is closed. 0 for no limit. @default 0 */
  readonly maxRequests: number
  /** After this time the connection is closed once it is idle. 0 for no limit. @default 0 */
  readonly maxAgeMs: number
  /** Whether a client that has ended its side still gets its reply; otherwise it has left. @default false */
  readonly allowHalfOpen: boolean
  /** What a client may still send after an early reply, and for how long, before it is cut off. */
  readonly drainBytes: number
  readonly drainMs: number
}

/** What a server does with its connections. */
export interface ConnectionOwner {
  readonly clock: Clock
  readonly options: ConnectionOptions
  readonly dateLine: string
  /** Whether connections are closed after their current reply. */
  readonly isClosing: boolean
  request(request: IncomingRequest): void
  /** A callback of the owner's side has thrown; the connection was reset. */
  failed(error: unknown, request: IncomingRequest | undefined): void
  /** The reply to what never became a request, as bytes of a whole message. */
  refusal(fault: MessageError | 'timeout'): string
  closed(connection: ServerConnection): void
}
