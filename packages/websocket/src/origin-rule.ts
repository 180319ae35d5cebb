/**
 * Which pages may open a tunnel. Browsers do not keep a page from opening one to another origin, and send that origin's
 * cookies along: whoever trusts cookies has to look at `Origin` (RFC 6455, section 10.2).
 */
import { ConfigError, type Exchange, originList } from '@sluice/core'

/**
 * Origins that are allowed: `https://app.example.com`, `https://*.example.com` (any name below it, not itself), and `same`
 * (the origin that the request itself was sent to). Or a function that decides, given `undefined` where none was sent.
 */
export type AllowedOrigins<N = unknown> =
  | readonly string[]
  | ((origin: string | undefined, exchange: Exchange<N>) => boolean)

/** Says whether an exchange may go on. */
export type OriginRule<N> = (exchange: Exchange<N>) => boolean

/** Compiles them. `at` is the option's place. */
export function originRule<N>(origins: AllowedOrigins<N>, allowsMissing: boolean, at: string): OriginRule<N> {
  if (typeof origins === 'function') return (exchange) => origins(exchange.request.headers.get('origin'), exchange)
  if (!Array.isArray(origins)) throw new ConfigError(at, 'must be a list of origins, or a function')
  const isListed = originList(origins, at, 'same')
  const allowsSame = origins.includes('same')
  return (exchange) => {
    const origin = exchange.request.headers.get('origin')
    if (origin === undefined) return allowsMissing
    return isListed(origin) || (allowsSame && origin === ownOrigin(exchange))
  }
}

function ownOrigin({ client, request }: Exchange): string | undefined {
  const text = `${client.scheme}://${request.authority}`
  return URL.canParse(text) ? new URL(text).origin : undefined
}
