/**
 * HTTP Strict Transport Security (RFC 6797): browsers that have seen the field come over HTTPS from then on, whatever a link
 * says, and accept no wrong certificate.
 */
import { ConfigError, defineMiddleware, type Exchange, type Handler, type Middleware, type Reply } from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'

/** Options of {@link hsts}. */
export interface HstsOptions {
  /** How long browsers remember it, in milliseconds. 0 makes them forget. @default 31_536_000_000, a year */
  readonly maxAgeMs?: number
  /** Whether it holds for all names below the host as well. @default false */
  readonly includeSubDomains?: boolean
  /**
   * Whether the host agrees to be built into browsers. It is hard to get out of them again. Wants {@link includeSubDomains}
   * and at least a year.
   * @default false
   */
  readonly preload?: boolean
}

const NAMES: OptionNames<HstsOptions> = {
  maxAgeMs: true,
  includeSubDomains: true,
  preload: true,
}

const YEAR_MS = 31_536_000_000

/**
 * Makes the middleware. The field is set on replies to requests that came over HTTPS, in the place of one from a target:
 * over plain HTTP it must not be sent (section 7.2), and browsers heed the first one only (section 8.1).
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function hsts(options: HstsOptions = {}): Middleware {
  const { maxAgeMs = YEAR_MS, includeSubDomains = false, preload = false } = strictOption(options, NAMES, 'hsts')
  if (!(Number.isFinite(maxAgeMs) && maxAgeMs >= 0))
    throw new ConfigError('hsts.maxAgeMs', 'must be a number of milliseconds')
  if (preload && !(includeSubDomains && maxAgeMs >= YEAR_MS))
    throw new ConfigError('hsts.preload', 'wants "includeSubDomains" and a "maxAgeMs" of at least a year')
  const parts = [`max-age=${Math.floor(maxAgeMs / 1_000)}`]
  if (includeSubDomains) parts.push('includeSubDomains')
  if (preload) parts.push('preload')
  const value = parts.join('; ')
  return defineMiddleware('hsts', (exchange, next) =>
    exchange.client.scheme === 'https' ? withField(exchange, next, value) : next(exchange),
  )
}

async function withField(exchange: Exchange, next: Handler, value: string): Promise<Reply> {
  const reply = await next(exchange)
  reply.headers.set('Strict-Transport-Security', value)
  return reply
}
