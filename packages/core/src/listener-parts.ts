/** What the options of a listener mean for both kinds of them. */
import type { Clock, ProxyProtocolOptions } from '@sluice/wire'
import { addressList } from './addresses/address-list.ts'
import { atLeast } from './at-least.ts'
import { ConfigError } from './errors.ts'
import type { ListenOptions, ProxyProtocolListenOptions } from './listener.ts'
import { type OptionNames, strictOption, wholeOption } from './options/option-checks.ts'
import { ListenerTls } from './tls/listener-tls.ts'

const LISTEN_NAMES: OptionNames<ListenOptions> = {
  port: true,
  host: true,
  path: true,
  tls: true,
  http2: true,
  proxyProtocol: true,
  headTimeoutMs: true,
  requestTimeoutMs: true,
  idleTimeoutMs: true,
  allowHalfOpen: true,
  maxHeaderBytes: true,
  maxHeaderCount: true,
  bodyIdleTimeoutMs: true,
  sendTimeoutMs: true,
  maxRequestsPerConnection: true,
  maxConnectionAgeMs: true,
  maxConnections: true,
  listener: true,
}

const PROXY_PROTOCOL_NAMES: OptionNames<ProxyProtocolListenOptions> = {
  trust: true,
  headerTimeoutMs: true,
}

const MAX_PORT = 65_535
/** Of its numbers. */
const LEAST = {
  headTimeoutMs: 0,
  requestTimeoutMs: 0,
  idleTimeoutMs: 0,
  bodyIdleTimeoutMs: 0,
  sendTimeoutMs: 0,
  maxHeaderBytes: 1,
  maxHeaderCount: 1,
  maxRequestsPerConnection: 0,
  maxConnectionAgeMs: 0,
  maxConnections: 0,
} as const satisfies Partial<Record<keyof ListenOptions, number>>

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen` */
export function checkListenOptions(options: ListenOptions): void {
  if (typeof options !== 'object') throw new ConfigError('listen', 'must be an object, such as { port: 8080 }')
  strictOption(options, LISTEN_NAMES, 'listen')
  wholeOption(options.port, 0, 'listen.port', 0, MAX_PORT)
  for (const [name, least] of Object.entries(LEAST))
    atLeast(least, options[name as keyof typeof LEAST] ?? least, `listen.${name}`)
}

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
  const { trust, headerTimeoutMs = 5_000 } = strictOption(options, PROXY_PROTOCOL_NAMES, 'listen.proxyProtocol')
  return {
    isTrusted: addressList(trust, 'listen.proxyProtocol.trust'),
    headerTimeoutMs: atLeast(1, headerTimeoutMs, 'listen.proxyProtocol.headerTimeoutMs'),
  }
}
