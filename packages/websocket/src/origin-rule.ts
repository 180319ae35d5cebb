/**
 * Which pages may open a tunnel. Browsers do not keep a page from opening one to another origin, and send that origin's
 * cookies along: whoever trusts cookies has to look at `Origin` (RFC 6455, section 10.2).
 */
import { ConfigError, type Exchange } from '@sluice/core'

/**
 * Origins that are allowed: `https://app.example.com`, `https://*.example.com` (any name below it, not itself), and `same`
 * (the origin that the request itself was sent to). Or a function that decides, given `undefined` where none was sent.
 */
export type AllowedOrigins<N = unknown> =
  | readonly string[]
  | ((origin: string | undefined, exchange: Exchange<N>) => boolean)

/** Says whether an exchange may go on. */
export type OriginRule<N> = (exchange: Exchange<N>) => boolean

const WILDCARD = /^(https?:\/\/)\*(\.[^*/?#]+)$/

/** Compiles them. `at` is the option's place. */
export function originRule<N>(origins: AllowedOrigins<N>, allowsMissing: boolean, at: string): OriginRule<N> {
  if (typeof origins === 'function') return (exchange) => origins(exchange.request.headers.get('origin'), exchange)
  if (!Array.isArray(origins)) throw new ConfigError(at, 'must be a list of origins, or a function')
  const exact = new Set<string>()
  const wildcards: (readonly [scheme: string, suffix: string])[] = []
  for (const [index, text] of (origins as readonly string[]).entries()) {
    const wildcard = WILDCARD.exec(text)
    if (wildcard !== null) wildcards.push([wildcard[1]!, new URL(`${wildcard[1]}x${wildcard[2]}`).host.slice(1)])
    else if (text !== 'same') exact.add(originOf(text, `${at}[${index}]`))
  }
  const allowsSame = origins.includes('same')
  return (exchange) => {
    const origin = exchange.request.headers.get('origin')
    if (origin === undefined) return allowsMissing
    if (exact.has(origin)) return true
    if (allowsSame && origin === ownOrigin(exchange)) return true
    return wildcards.some(([scheme, suffix]) => origin.startsWith(scheme) && origin.endsWith(suffix))
  }
}

function originOf(text: string, at: string): string {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.origin === 'null' || (text !== url.origin && text !== `${url.origin}/`))
    throw new ConfigError(at, 'must be an origin such as "https://app.example.com", with a "*." or not, or "same"')
  return url.origin
}

function ownOrigin({ client, request }: Exchange): string | undefined {
  const text = `${client.scheme}://${request.authority}`
  return URL.canParse(text) ? new URL(text).origin : undefined
}
