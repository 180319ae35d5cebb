/** What this package reports, as `sluice:websocket:<event>`; core tells when tunnels open and close. */
import { defineEvent, type EventChannel, type Exchange } from '@sluice/core'
import type { MessageCounts } from './frames/message-counts.ts'

/** Why a tunnel was refused before any target was asked. */
export type RefusalReason = 'origin' | 'subprotocol' | 'extension' | 'client-limit'

/** `webSocket` has refused a tunnel. */
export interface TunnelRefusedEvent {
  readonly exchange: Exchange
  readonly reason: RefusalReason
}

/** A tunnel whose messages were looked at is closed. */
export interface MessagesCountedEvent {
  readonly exchange: Exchange
  readonly fromClient: MessageCounts
  readonly fromTarget: MessageCounts
}

/** `sluice:websocket:tunnel-refused` */
export const tunnelRefused: EventChannel<TunnelRefusedEvent> = defineEvent<TunnelRefusedEvent>(
  'websocket',
  'tunnel-refused',
)
/** `sluice:websocket:messages-counted` */
export const messagesCounted: EventChannel<MessagesCountedEvent> = defineEvent<MessagesCountedEvent>(
  'websocket',
  'messages-counted',
)
