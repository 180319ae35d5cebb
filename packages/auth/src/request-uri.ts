/** What clients call a request: its URI as they have written it (RFC 9110, section 7.1), whatever it was rewritten to since. */
import type { Exchange } from '@sluice/core'

/** With the query. `origin` is what clients call this gateway, where that is known; the scheme is the client's as far as it can be trusted. */
export function requestUri(exchange: Exchange, origin: string | undefined): string {
  return `${origin ?? `${exchange.client.scheme}://${exchange.request.authority}`}${requestTarget(exchange)}`
}

/** Path and query. */
export function requestTarget({ received: { target } }: Exchange): string {
  if (target.startsWith('/')) return target
  const url = URL.parse(target)
  return url === null ? target : url.pathname + url.search
}
