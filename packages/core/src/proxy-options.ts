/** Options of a proxy, checked and resolved. */
import { isToken, systemClock, type Clock } from '@sluice/wire'
import { ForwardedPolicy, type ForwardedOptions } from './entrance/forwarded.ts'
import { ConfigError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { InFlight } from './in-flight.ts'
import type { Handler } from './middleware.ts'
import { type OptionNames, strictOption } from './options/option-checks.ts'
import type { ProxySettings, Random } from './proxy-settings.ts'
import { systemRandom } from './system-random.ts'
import { OpenTunnels } from './tunnel/open-tunnels.ts'

/** Options of {@link createProxy}. */
export interface ProxyOptions {
  /** This proxy's pseudonym in `Via` and `Proxy-Status`: a token, no host name. @default 'sluice' */
  readonly name?: string
  /** Whether `Via` is added, both ways (RFC 9110, section 7.6.3). @default true */
  readonly via?: boolean
  /** Whom to believe about clients, and what to tell upstreams about them. */
  readonly forwarded?: ForwardedOptions
  /** Longer request targets get 414. @default 8_192 */
  readonly maxTargetBytes?: number
  /** Larger request bodies get 413. `Infinity` for no limit. @default Infinity */
  readonly maxBodyBytes?: number
  /**
   * Whether every field with an underscore in its name is dropped, since CGI-like upstreams take `_` for `-`. Those that
   * look like framing (`content_length`) always are.
   * @default false
   */
  readonly dropUnderscoreHeaders?: boolean
  /** The reply where no route matches; it runs behind the proxy's own middlewares. @default 404 `ERR_SLUICE_NO_ROUTE` */
  readonly noMatch?: Handler
  /**
   * Told of what a middleware or handler threw that is no {@link ProxyError}, and of `ERR_SLUICE_CONFIG` and `ERR_SLUICE_SLOT_MISSING`,
   * which are mistakes in the program; the client gets 500.
   * @default console.error
   */
  readonly onError?: (error: unknown, exchange: Exchange) => void
  /** @default systemClock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: Random
}

const NAMES: OptionNames<ProxyOptions> = {
  name: true,
  via: true,
  forwarded: true,
  maxTargetBytes: true,
  maxBodyBytes: true,
  dropUnderscoreHeaders: true,
  noMatch: true,
  onError: true,
  clock: true,
  random: true,
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveProxyOptions(options: ProxyOptions): ProxySettings {
  strictOption(options, NAMES, '')
  const { name = 'sluice', via = true, maxTargetBytes = 8_192, maxBodyBytes = Number.POSITIVE_INFINITY } = options
  if (!isToken(name)) throw new ConfigError('name', 'must be a token (RFC 9110, section 5.6.2)')
  if (!(maxTargetBytes >= 1)) throw new ConfigError('maxTargetBytes', 'must be at least 1')
  if (!(maxBodyBytes >= 0)) throw new ConfigError('maxBodyBytes', 'must be at least 0')
  return Object.freeze({
    name,
    via,
    viaHttp11: `1.1 ${name}`,
    maxTargetBytes,
    maxBodyBytes,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    forwarded: new ForwardedPolicy(options.forwarded ?? {}, 'forwarded'),
    dropUnderscoreHeaders: options.dropUnderscoreHeaders ?? false,
    onInternalError: guarded(options.onError ?? report),
    inFlight: new InFlight(),
    tunnels: new OpenTunnels(),
  })
}

/** The client waits for its 500: what tells of one error must not become another. */
function guarded(onError: (error: unknown, exchange: Exchange) => void): ProxySettings['onInternalError'] {
  return (error, exchange) => {
    try {
      onError(error, exchange)
    } catch (cause) {
      report(error)
      report(cause)
    }
  }
}

function report(error: unknown): void {
  // oxlint-disable-next-line no-console -- an error of the user's own code must not vanish where nobody has asked for it
  console.error(error)
}
