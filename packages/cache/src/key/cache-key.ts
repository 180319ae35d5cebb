/**
 * The key of a request (RFC 9111, section 2): scheme, authority, method and target, and what options add. A GET's key is its URL, so
 * that the usual case is one concatenation; HEAD shares it. Parts are kept apart by line feeds, which stand in no URL and no field.
 */
import { hash } from 'node:crypto'
import type { Exchange } from '@sluice/core'
import { canonicalAuthority } from './authority.ts'
import type { KeyPlan } from './key-options.ts'
import { SearchRuleTable } from './no-vary-search.ts'
import { filterQuery } from './query.ts'

/** Longer parts stand in a key as a digest. */
const MAX_PART_CHARS = 256

export class CacheKeys {
  readonly searchRules: SearchRuleTable = new SearchRuleTable()
  readonly #plan: KeyPlan
  /** The origin of the last request: the next one's mostly is the same. */
  #authority = ''
  #scheme = ''
  #origin = ''

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
    return (this.#origin = `${scheme}://${canonicalAuthority(authority, scheme)}`)
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

  /** The key of a GET or HEAD. */
  key(exchange: Exchange): string {
    return this.#plan.isPlain
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
    let additions = ''
    for (const name of headers) additions += keyPart(name, exchange.request.headers.get(name))
    if (cookies.length > 0) {
      const sent = cookiesOf(exchange.request.headers.get('cookie') ?? '')
      for (const name of cookies) additions += keyPart(`cookie ${name}`, sent.get(name))
    }
    if (extra !== undefined) additions += keyPart('extra', extra(exchange))
    return additions
  }
}

/** A name with its value; one that is missing differs from one that is empty. */
export function keyPart(name: string, value: string | undefined): string {
  if (value === undefined) return `\n${name}`
  return value.length <= MAX_PART_CHARS ? `\n${name}=${value.replaceAll('\n', '%0A')}` : `\n${name}#${digest(value)}`
}

function digest(value: string | Uint8Array): string {
  return hash('sha256', value, 'base64url')
}

function cookiesOf(field: string): Map<string, string> {
  const cookies = new Map<string, string>()
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, Math.max(0, equals)).trim()
    // Of several the first is what most servers take.
    if (equals > 0 && !cookies.has(name)) cookies.set(name, pair.slice(equals + 1).trim())
  }
  return cookies
}
