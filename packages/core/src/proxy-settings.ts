/** What is fixed for a whole proxy, resolved once when it is built; an exchange carries it along. */
import type { Clock } from '@sluice/wire'
import type { ForwardedPolicy } from './entrance/forwarded.ts'
import type { Exchange } from './exchange.ts'
import type { InFlight } from './in-flight.ts'
import type { OpenTunnels } from './tunnel/open-tunnels.ts'

/** Pseudo-random numbers in [0, 1), such as `Math.random`; injected, so that tests can fix the sequence. */
export type Random = () => number

export interface ProxySettings {
  readonly clock: Clock
  readonly random: Random
  /** The pseudonym in `Via` and `Proxy-Status`. */
  readonly name: string
  /** Whether `Via` is added. */
  readonly via: boolean
  /** What `Via` says of a message of HTTP/1.1: made once, as nearly every message gets it. */
  readonly viaHttp11: string
  readonly forwarded: ForwardedPolicy
  readonly maxTargetBytes: number
  /** Larger request bodies get 413. */
  readonly maxBodyBytes: number
  readonly dropUnderscoreHeaders: boolean
  /** Something threw that should not have; the exchange goes on to its 500. */
  readonly onInternalError: (error: unknown, exchange: Exchange) => void
  readonly inFlight: InFlight
  readonly tunnels: OpenTunnels
}
