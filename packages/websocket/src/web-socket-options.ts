/** Options of `webSocket`, resolved once. */
import type { Exchange } from '@sluice/core'
import { ConfigError } from '@sluice/core'
import { durationOption, functionOption, optionalDuration, strictOption, wholeOption } from '@sluice/core/options'
import { type FrameOptions, type FramePlan, framePlan } from './frames/frame-options.ts'
import { type AllowedOrigins, originRule, type OriginRule } from './origin-rule.ts'
import { type SubprotocolRule, subprotocolRule } from './subprotocol-rule.ts'

/** Options of `webSocket`. */
export interface WebSocketOptions<N = unknown> {
  /**
   * Pages that may open a tunnel; others get 403, and no target is asked. Give it wherever targets trust cookies.
   * @default any
   */
  readonly origins?: AllowedOrigins<N>
  /**
   * Whether a request without `Origin` is let in where {@link origins} is a list: programs send none, browsers always do.
   * @default false
   */
  readonly allowMissingOrigin?: boolean
  /**
   * Subprotocols that targets may be asked for; a client that offers others alone gets 400. One that offers none is let in.
   * @default any
   */
  readonly subprotocols?: readonly string[]
  /**
   * Longest time from here to the target's answer; then 504 `ERR_SLUICE_HEAD_TIMEOUT`. 0 for none but `forward`'s own.
   * @default 0
   */
  readonly handshakeTimeoutMs?: number
  /** Longest time without a byte either way. 0 for none. @default the `tunnelIdleTimeoutMs` of `forward` */
  readonly idleTimeoutMs?: number
  /** How long a tunnel may live. 0 for any time. @default the `tunnelMaxAgeMs` of `forward` */
  readonly maxAgeMs?: number
  /** Tunnels of one client at a time, those being opened included; beyond that 429. @default Infinity */
  readonly maxPerClient?: number
  /** Whose tunnels are counted together; what has no key is not limited. @default the client's address */
  readonly clientKey?: (exchange: Exchange<N>) => string | undefined
  /** Takes messages apart, to bound, see and change them; `{}` for the defaults. @default bytes pass as they are */
  readonly frames?: FrameOptions<N>
  /**
   * With `frames`: how often both sides are pinged. One that has sent nothing from one to the next is gone, and the tunnel
   * is closed. 0 for never.
   * @default 0
   */
  readonly pingIntervalMs?: number
  /**
   * With `frames`: when the proxy closes, each tunnel gets its Close 1001 within this time, by chance, so that not all of
   * them come back at once.
   * @default half of the time to drain
   */
  readonly closeJitterMs?: number
}

/** Resolved options. */
export interface WebSocketPlan<N> {
  readonly allowsOrigin: OriginRule<N> | undefined
  readonly allowsSubprotocols: SubprotocolRule | undefined
  readonly handshakeTimeoutMs: number
  readonly idleTimeoutMs: number | undefined
  readonly maxAgeMs: number | undefined
  readonly maxPerClient: number
  readonly clientKey: (exchange: Exchange<N>) => string | undefined
  readonly frames: FramePlan<N> | undefined
}

const AT = 'webSocket'
const NAMES: readonly (keyof WebSocketOptions)[] = [
  'origins',
  'allowMissingOrigin',
  'subprotocols',
  'handshakeTimeoutMs',
  'idleTimeoutMs',
  'maxAgeMs',
  'maxPerClient',
  'clientKey',
  'frames',
  'pingIntervalMs',
  'closeJitterMs',
]

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function webSocketPlan<N>(options: WebSocketOptions<N>): WebSocketPlan<N> {
  const { origins, subprotocols, frames, maxPerClient = Number.POSITIVE_INFINITY } = strictOption(options, NAMES, AT)
  for (const name of ['pingIntervalMs', 'closeJitterMs'] as const) {
    if (frames === undefined && options[name] !== undefined)
      throw new ConfigError(`${AT}.${name}`, 'needs "frames": without them nobody knows where a message ends')
  }
  const allowsMissing = options.allowMissingOrigin ?? false
  return {
    allowsOrigin: origins === undefined ? undefined : originRule(origins, allowsMissing, `${AT}.origins`),
    allowsSubprotocols: subprotocols === undefined ? undefined : subprotocolRule(subprotocols, `${AT}.subprotocols`),
    handshakeTimeoutMs: durationOption(options.handshakeTimeoutMs, 0, `${AT}.handshakeTimeoutMs`),
    idleTimeoutMs: optionalDuration(options.idleTimeoutMs, `${AT}.idleTimeoutMs`),
    maxAgeMs: optionalDuration(options.maxAgeMs, `${AT}.maxAgeMs`),
    maxPerClient:
      maxPerClient === Number.POSITIVE_INFINITY ? maxPerClient : wholeOption(maxPerClient, 1, `${AT}.maxPerClient`, 1),
    clientKey: functionOption(options.clientKey, `${AT}.clientKey`) ?? ((exchange) => exchange.client.address),
    frames: frames === undefined ? undefined : framePlan(frames, options.pingIntervalMs, options.closeJitterMs, AT),
  }
}
