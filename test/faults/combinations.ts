/** What the fault tables are run with: every listener and every transport that there is. */
import {
  nodeListener,
  undiciTransport,
  wireListener,
  wireTransport,
  type ListenerFactory,
  type Transport,
} from '@sluice/core'

/** Options that every transport has. */
export interface TransportBounds {
  readonly connectTimeoutMs?: number
  readonly idleTimeoutMs?: number
  readonly maxResponseHeaderBytes?: number
}

export interface ListenerKind {
  readonly name: string
  readonly create: () => ListenerFactory
  /** How many of a client's pipelined requests are under way at once. */
  readonly pipelined: number
}

export interface TransportKind {
  readonly name: string
  readonly create: (bounds: TransportBounds) => Transport
  /**
   * Whether a reset breaks a reply that has neither a length nor chunks. undici takes one for the end of such a reply, as
   * macOS may send it in place of a FIN.
   */
  readonly tellsResetFromEnd: boolean
}

export const LISTENERS: readonly ListenerKind[] = [
  { name: 'wire', create: () => wireListener(), pipelined: 1 },
  { name: 'node', create: () => nodeListener(), pipelined: Number.POSITIVE_INFINITY },
]

export const TRANSPORTS: readonly TransportKind[] = [
  { name: 'wire', create: (bounds) => wireTransport(bounds), tellsResetFromEnd: true },
  { name: 'undici', create: (bounds) => undiciTransport(bounds), tellsResetFromEnd: false },
]

export const COMBINATIONS: readonly (readonly [listener: ListenerKind, transport: TransportKind])[] = LISTENERS.flatMap(
  (listener) => TRANSPORTS.map((transport) => [listener, transport] as const),
)
