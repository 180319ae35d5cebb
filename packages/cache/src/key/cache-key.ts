/**
 * The key of a request (RFC 9111, section 2): scheme, authority, method and target, and what options add. A GET's key is its URL, so
 * that the usual case is one concatenation; HEAD shares it. Parts are kept apart by line feeds, which stand in no URL and no field.
 */
import { hash } from 'node:crypto'
import type { Exchange } from '@sluice/core'
import { type HeaderList, maskOf } from '@sluice/wire'
import { canonicalAuthority } from './authority.ts'
import type { KeyPlan } from './key-options.ts'
import { SearchRuleTable } from './no-vary-search.ts'
import { filterQuery } from './query.ts'

/** From a proxy that is trusted; from anybody else they are gone since the entrance. */
const FORWARDED = maskOf('x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto')
/** Of which upstreams make links. The scheme is the exchange's own. */
const FORWARDED_PARTS = ['x-forwarded-host', 'x-forwarded-port', 'x-forwarded-prefix']

/** Longer parts stand in a key as a digest. */
const MAX_PART_CHARS = 256

export class CacheKeys {
  readonly searchRules: SearchRuleTable = new SearchRuleTable()
  readonly #plan: KeyPlan
  /** The origin of the last request: the next one's mostly is the same. */
  #authority = ''
  #scheme = ''
  #origin = ''
  #isOdd = false

  constructor(plan: KeyPlan) {
    this.#plan = plan
  }

  /** `scheme://authority`, canonical. */
  origin(exchange: Exchange): string {
    const { authority } = exchange.request
    const { scheme } = exchange.client
    if (authority === this.#authority && scheme === this.#scheme && this.#origin !== '') return this.#origin
    this.#authority = authority
    this.#scheme = scheme
    const canonical = canonicalAuthority(authority, scheme)
    this.#isOdd = canonical !== authority
    return (this.#origin = `${scheme}://${canonical}`)
  }

  /**
   * Whether the authority is spelled as few clients do, such as `Shop.test:80`. It has the same key (RFC 9110, section 4.2.3), and may be
   * answered from the store; but upstreams make links of it, so what they answer is not for others.
   */
  isOddlySpelled(exchange: Exchange): boolean {
    this.origin(exchange)
    return this.#isOdd
  }

  /** The URL that a request stands for, which purges name: its target as far as it counts. */
  url(exchange: Exchange): string {
    return this.urlOf(this.origin(exchange), exchange.request.target)
  }

  urlOf(origin: string, target: string): string {
    const { keepsParameter, dropsQuery, sortsQuery } = this.#plan
    const ruled = this.searchRules.apply(origin, target)
    const question = ruled.indexOf('?')
    if (question < 0 || (keepsParameter === undefined && !dropsQuery && !sortsQuery)) return origin + ruled
    const query = dropsQuery ? '' : filterQuery(ruled.slice(question + 1), keepsParameter, sortsQuery)
    return origin + (query === '' ? ruled.slice(0, question) : `${ruled.slice(0, question)}?${query}`)
  }

  /** A URL of the user's, as {@link url} would have made it. @throws {TypeError} where it is none */
  urlFrom(text: string): string {
    const { protocol, host, pathname, search } = new URL(text)
    const scheme = protocol.slice(0, -1)
    return this.urlOf(`${scheme}://${canonicalAuthority(host, scheme)}`, pathname + search)
  }

  /** All spellings of a user's URL: the canonical one, and the one that stands there, since targets are stored as they came. */
  urlsFrom(text: string): string[] {
    const urls = [this.urlFrom(text)]
    const parts = /^(https?):\/\/([^/?#]+)([/?][^#]*)?/i.exec(text)
    if (parts === null) return urls
    const [, scheme = '', authority = '', target = '/'] = parts
    const lower = scheme.toLowerCase()
    urls.push(this.urlOf(`${lower}://${canonicalAuthority(authority, lower)}`, target))
    return urls
  }

  /** The key of a GET or HEAD. */
  key(exchange: Exchange): string {
    return this.#plan.isPlain && !exchange.request.headers.hasAny(FORWARDED)
      ? this.origin(exchange) + this.searchRules.apply(this.#origin, exchange.request.target)
      : this.url(exchange) + this.#additions(exchange)
  }

  /** The key of a request with a body that counts, such as QUERY (RFC 10008, section 2.7). */
  bodyKey(exchange: Exchange, body: Uint8Array): string {
    const { method, headers } = exchange.request
    let described = ''
    for (const name of ['content-type', 'content-encoding', 'content-language'])
      described += `${name}:${headers.get(name) ?? ''}\n`
    return `${method} ${this.url(exchange)}${this.#additions(exchange)}\n${digest(described)}.${digest(body)}`
  }

  #additions(exchange: Exchange): string {
    const { cookies, headers, extra } = this.#plan
    let additions = forwardedParts(exchange.request.headers)
    for (const name of headers) additions += keyPart(name, exchange.request.headers.get(name))
    if (cookies.length > 0) {
      const sent = cookiesOf(exchange.request.headers.get('cookie') ?? '')
      for (const name of cookies) additions += keyPart(`cookie ${name}`, sent.get(name))
    }
    if (extra !== undefined) additions += keyPart('extra', extra(exchange))
    return additions
  }
}

/** What a proxy before this one says of the URL that its client has asked for, which may be the client's own words. */
function forwardedParts(headers: HeaderList): string {
  let parts = ''
  if (!headers.hasAny(FORWARDED)) return parts
  for (const name of FORWARDED_PARTS) {
    const value = headers.get(name)
    if (value !== undefined) parts += keyPart(name, value)
  }
  return parts
}

/** A name with its value; one that is missing differs from one that is empty. */
export function keyPart(name: string, value: string | undefined): string {
  if (value === undefined) return `\n${name}`
  return value.length <= MAX_PART_CHARS && !value.includes('\n') ? `\n${name}=${value}` : `\n${name}#${digest(value)}`
}

function digest(value: string | Uint8Array): string {
  return hash('sha256', value, 'base64url')
}

function cookiesOf(field: string): Map<string, string> {
  const cookies = new Map<string, string>()
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, Math.max(0, equals)).trim()
    if (equals <= 0) continue
    // Of several an upstream may take any: all count.
    const value = pair.slice(equals + 1).trim()
    const before = cookies.get(name)
    cookies.set(name, before === undefined ? value : `${before};${value}`)
  }
  return cookies
}
