/** What the options of a listener mean for both kinds of them. */
import type { Clock, ProxyProtocolOptions } from '@sluice/wire'
import { addressList } from './addresses/address-list.ts'
import { atLeast } from './at-least.ts'
import { ConfigError } from './errors.ts'
import type { ListenOptions, ProxyProtocolListenOptions } from './listener.ts'
import {
  flagOption,
  functionOption,
  type OptionNames,
  strictOption,
  textOption,
  wholeOption,
} from './options/option-checks.ts'
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

/** The least that each of its whole numbers may be. */
const LEAST: readonly (readonly [name: NumberOfListener, least: number])[] = [
  ['headTimeoutMs', 0],
  ['requestTimeoutMs', 0],
  ['idleTimeoutMs', 0],
  ['bodyIdleTimeoutMs', 0],
  ['sendTimeoutMs', 0],
  ['maxHeaderBytes', 1],
  ['maxHeaderCount', 1],
  ['maxRequestsPerConnection', 0],
  ['maxConnectionAgeMs', 0],
  ['maxConnections', 0],
]

type NumberOfListener = {
  [K in keyof ListenOptions]-?: ListenOptions[K] extends number | undefined ? K : never
}[keyof ListenOptions]

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen` */
export function checkListenOptions(options: ListenOptions): void {
  if (typeof options !== 'object') throw new ConfigError('listen', 'must be an object, such as { port: 8080 }')
  const { port, host, path, http2, allowHalfOpen, listener } = strictOption(options, LISTEN_NAMES, 'listen')
  wholeOption(port, 0, 'listen.port', 0, 65_535)
  for (const [name, least] of LEAST) wholeOption(options[name], least, `listen.${name}`, least)
  if (host !== undefined) textOption(host, 'listen.host')
  if (path !== undefined) textOption(path, 'listen.path')
  if (typeof http2 !== 'object') flagOption(http2, true, 'listen.http2')
  flagOption(allowHalfOpen, false, 'listen.allowHalfOpen')
  functionOption(listener, 'listen.listener')
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
