/**
 * What happens, for whoever wants to know: typed channels of `node:diagnostics_channel`, named `sluice:<package>:<event>`.
 * Metrics, logs and traces subscribe; publishing without a subscriber costs one property read, and no object is built for
 * it.
 */
import { channel } from 'node:diagnostics_channel'
import type { Peer } from './client.ts'
import type { ExchangeEnd } from './exchange-end.ts'
import type { Exchange } from './exchange.ts'
import type { ListenerAddress } from './listener.ts'
import type { CertificateSummary } from './tls/certificate-set.ts'
import type { Tunnel } from './tunnel/tunnel.ts'
import type { Attempt } from './upstream/attempt.ts'

/** A channel whose messages are of one type. */
export interface EventChannel<T> {
  readonly name: string
  readonly hasSubscribers: boolean
  publish(message: T): void
  subscribe(listener: (message: T) => void): void
  unsubscribe(listener: (message: T) => void): void
}

/** Defines an event; `pkg` is the package without its scope. */
export function defineEvent<T>(pkg: string, event: string): EventChannel<T> {
  return channel(`sluice:${pkg}:${event}`) as unknown as EventChannel<T>
}

/** An exchange has ended, one way or the other; also one that was refused before any middleware saw it. */
export interface ExchangeEnded extends ExchangeEnd {
  readonly exchange: Exchange
}

/** A source of targets has learned nothing. The targets that it had found before stay. */
export interface DiscoveryFailed {
  readonly upstream: string
  /** What it asked for, such as a name of the DNS. */
  readonly name: string
  readonly error: Error
  readonly retryInMs: number
}

/** A listener uses other certificates from now on. */
export interface TlsReplaced {
  /** Missing where the listener was not open yet. */
  readonly address: ListenerAddress | undefined
  readonly certificates: readonly CertificateSummary[]
}

/** A listener's certificates could not be replaced. Those that it had stay in use. */
export interface TlsReplaceFailed {
  readonly address: ListenerAddress | undefined
  readonly error: Error
}

/** What a client of HTTP/2 did too often: see {@link Http2ListenOptions}. */
export type ClientAbuse = 'resets' | 'controls' | 'overhead'

/** A client of HTTP/2 was sent away, with GOAWAY. */
export interface ClientRefused {
  readonly peer: Peer
  readonly reason: ClientAbuse
}

/** `sluice:core:attempt-ended`: an attempt is complete, has failed or was cancelled. */
export const attemptEnded: EventChannel<Attempt> = defineEvent<Attempt>('core', 'attempt-ended')
/** `sluice:core:exchange-ended` */
export const exchangeEnded: EventChannel<ExchangeEnded> = defineEvent<ExchangeEnded>('core', 'exchange-ended')
/** `sluice:core:client-refused` */
export const clientRefused: EventChannel<ClientRefused> = defineEvent<ClientRefused>('core', 'client-refused')
/** `sluice:core:discovery-failed` */
export const discoveryFailed: EventChannel<DiscoveryFailed> = defineEvent<DiscoveryFailed>('core', 'discovery-failed')
/** `sluice:core:tunnel-opened`: the 101 is written, and bytes pass from here on. */
export const tunnelOpened: EventChannel<Tunnel> = defineEvent<Tunnel>('core', 'tunnel-opened')
/** `sluice:core:tunnel-closed`: both ends are gone; the tunnel says why, and how many bytes have passed. */
export const tunnelClosed: EventChannel<Tunnel> = defineEvent<Tunnel>('core', 'tunnel-closed')
/** `sluice:core:tls-replaced` */
export const tlsReplaced: EventChannel<TlsReplaced> = defineEvent<TlsReplaced>('core', 'tls-replaced')
/** `sluice:core:tls-replace-failed` */
export const tlsReplaceFailed: EventChannel<TlsReplaceFailed> = defineEvent<TlsReplaceFailed>(
  'core',
  'tls-replace-failed',
)
