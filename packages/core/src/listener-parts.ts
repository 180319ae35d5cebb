/** What the options of a listener mean for both kinds of them. */
import type { Clock, ProxyProtocolOptions } from '@sluice/wire'
import { addressList } from './addresses/address-list.ts'
import { atLeast } from './at-least.ts'
import { ConfigError } from './errors.ts'
import type { ListenOptions } from './listener.ts'
import { ListenerTls } from './tls/listener-tls.ts'

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen.tls` */
export function listenerTls({ tls }: ListenOptions, clock: Clock): ListenerTls | undefined {
  return tls === undefined ? undefined : new ListenerTls(tls, clock)
}

/** For `setTls` and `reloadTls` of a listener. @throws {ConfigError} where it speaks no TLS */
export function speaksTls(tls: ListenerTls | undefined): ListenerTls {
  if (tls !== undefined) return tls
  throw new ConfigError('listen.tls', 'can not be replaced: the listener was opened without')
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen.proxyProtocol` */
export function proxyProtocol({ proxyProtocol: options }: ListenOptions): ProxyProtocolOptions | undefined {
  if (options === undefined) return undefined
  const { trust, headerTimeoutMs = 5_000 } = options
  return {
    isTrusted: addressList(trust, 'listen.proxyProtocol.trust'),
    headerTimeoutMs: atLeast(1, headerTimeoutMs, 'listen.proxyProtocol.headerTimeoutMs'),
  }
}
