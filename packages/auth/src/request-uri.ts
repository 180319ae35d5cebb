/** What clients call a request: its URI as they have written it (RFC 9110, section 7.1), whatever it was rewritten to since. */
import { ConfigError, type Exchange } from '@sluice/core'

/**
 * With the query; `undefined` where an HTTP/1.0 client has named no host. `origin` is what clients call this gateway, where that is known; the scheme
 * is the client's as far as it can be trusted.
 */
export function requestUri(exchange: Exchange, origin: URL | undefined): string | undefined {
  const target = requestTarget(exchange)
  if (origin !== undefined) return origin.origin + target
  const authority = requestAuthority(exchange)
  return authority === '' ? undefined : `${exchange.client.scheme}://${authority}${target}`
}

/** Host, and port where the client has named one. */
export function requestAuthority({ received }: Exchange): string {
  return received.headers.get('host') ?? ''
}

/** Path and query, to the letter: what a parser of URLs would make of them is not what goes upstream. */
export function requestTarget({ received: { target } }: Exchange): string {
  if (target.startsWith('/')) return target
  const rest = target.replace(/^https?:\/\/[^/?#]*/i, '')
  return rest.startsWith('?') || rest === '' ? `/${rest}` : rest
}

/** The option `origin`. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function originOption(origin: unknown, at: string): URL | undefined {
  if (origin === undefined) return undefined
  const url = typeof origin === 'string' ? URL.parse(origin) : null
  if (url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '') return url
  throw new ConfigError(at, 'must be an origin, such as "https://api.example.com"')
}
