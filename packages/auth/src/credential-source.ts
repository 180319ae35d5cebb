/**
 * Where credentials stand in a request, and how they are taken off it. Read strictly: two copies of a credential are refused,
 * since whoever stands behind may take the other one.
 */
import { ConfigError, type Exchange } from '@sluice/core'
import { fieldOption, strictOption, textOption } from '@sluice/core/options'
import { maskOf } from '@sluice/wire'
import { trimmed } from './optional-whitespace.ts'

/**
 * One of: a header field, with `scheme` where the value begins with one (`Authorization: Bearer ...`); a cookie; a parameter of the
 * query. The query is for clients that can't do otherwise: URLs end up in logs, histories and `Referer`.
 */
export type CredentialSource =
  | { readonly header: string; readonly scheme?: string }
  | { readonly cookie: string }
  | { readonly query: string }

/** What stands there: the credential, nothing, or something that can't be read in one way only. */
export type Credential =
  | { readonly kind: 'found'; readonly value: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly reason: 'repeated' | 'malformed' }

/** A source that is ready to be read. */
export interface CredentialReader {
  /** Never throws. */
  read(exchange: Exchange): Credential
  /** Takes every copy off what is forwarded. */
  strip(exchange: Exchange): void
}

const COOKIE = maskOf('cookie')
const ABSENT: Credential = Object.freeze({ kind: 'absent' })
const REPEATED: Credential = Object.freeze({ kind: 'refused', reason: 'repeated' })
const MALFORMED: Credential = Object.freeze({ kind: 'refused', reason: 'malformed' })

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function credentialReader(source: CredentialSource, at: string): CredentialReader {
  if (typeof source === 'object' && source !== null) {
    if ('header' in source) {
      strictOption(source, ['header', 'scheme'], at)
      const field = fieldOption(source.header, `${at}.header`)
      return source.scheme === undefined ? new FieldReader(field) : new SchemeReader(field, source.scheme, at)
    }
    if ('cookie' in source) {
      strictOption(source, ['cookie'], at)
      fieldOption(source.cookie, `${at}.cookie`)
      return new CookieReader(source.cookie)
    }
    if ('query' in strictOption(source, ['query'], at)) return new QueryReader(textOption(source.query, `${at}.query`))
  }
  throw new ConfigError(at, 'must be { header }, { cookie } or { query }')
}

/** A whole field. */
class FieldReader implements CredentialReader {
  readonly #field: string

  constructor(field: string) {
    this.#field = field
  }

  read(exchange: Exchange): Credential {
    const values = exchange.request.headers.getAll(this.#field)
    if (values.length === 0) return ABSENT
    if (values.length > 1) return REPEATED
    return values[0] === '' ? MALFORMED : { kind: 'found', value: values[0]! }
  }

  strip(exchange: Exchange): void {
    exchange.request.headers.delete(this.#field)
  }
}

/** A field whose value begins with a scheme (RFC 9110, section 11.4); those of other schemes are somebody else's. */
class SchemeReader implements CredentialReader {
  readonly #field: string
  readonly #prefix: string

  constructor(field: string, scheme: string, at: string) {
    this.#field = field
    this.#prefix = `${fieldOption(scheme, `${at}.scheme`)} `
  }

  read(exchange: Exchange): Credential {
    const values = exchange.request.headers.getAll(this.#field)
    const own = values.filter((each) => this.#isOwn(each))
    if (own.length === 0) return ABSENT
    if (values.length > 1) return REPEATED
    const value = trimmed(own[0]!.slice(this.#prefix.length))
    return value === '' ? MALFORMED : { kind: 'found', value }
  }

  strip(exchange: Exchange): void {
    const { headers } = exchange.request
    if (headers.getAll(this.#field).some((each) => this.#isOwn(each))) headers.delete(this.#field)
  }

  /** `Bearer` with nothing behind it is its own as well. */
  #isOwn(value: string): boolean {
    const prefix = this.#prefix
    const start = value.slice(0, prefix.length).toLowerCase()
    return start === prefix || (value.length === prefix.length - 1 && `${start} ` === prefix)
  }
}

/** A cookie (RFC 6265, section 4.2.1). Names of cookies are told apart by case. */
class CookieReader implements CredentialReader {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  read(exchange: Exchange): Credential {
    const { headers } = exchange.request
    if (!headers.hasAny(COOKIE)) return ABSENT
    let found: string | undefined
    for (const pair of pairsOf(headers.get('cookie')!)) {
      if (nameOf(pair) !== this.#name) continue
      if (found !== undefined) return REPEATED
      found = valueOf(pair)
    }
    if (found === undefined) return ABSENT
    return found === '' ? MALFORMED : { kind: 'found', value: found }
  }

  strip(exchange: Exchange): void {
    const { headers } = exchange.request
    if (!headers.hasAny(COOKIE)) return
    const pairs = pairsOf(headers.get('cookie')!)
    const others = pairs.filter((pair) => nameOf(pair) !== this.#name)
    if (others.length === pairs.length) return
    if (others.length === 0) headers.delete('cookie')
    else headers.set('Cookie', others.join('; '))
  }
}

function pairsOf(cookies: string): string[] {
  return cookies
    .split(';')
    .map(trimmed)
    .filter((each) => each !== '')
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return equals < 0 ? pair : trimmed(pair.slice(0, equals))
}

function valueOf(pair: string): string {
  const equals = pair.indexOf('=')
  const value = equals < 0 ? '' : trimmed(pair.slice(equals + 1))
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

/** A parameter of the query, as forms write them (application/x-www-form-urlencoded). */
class QueryReader implements CredentialReader {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  read(exchange: Exchange): Credential {
    const { request } = exchange
    if (!request.target.includes('?')) return ABSENT
    const values = request.query.getAll(this.#name)
    if (values.length === 0) return ABSENT
    if (values.length > 1) return REPEATED
    return values[0] === '' ? MALFORMED : { kind: 'found', value: values[0]! }
  }

  /** What else stands in the query stays as it was written. */
  strip(exchange: Exchange): void {
    const { request } = exchange
    if (!request.target.includes('?')) return
    const parts = request.rawQuery.split('&')
    // A `?` at its beginning would be passed over, as it is at that of the whole query.
    const others = parts.filter((part, i) => !new URLSearchParams(i === 0 ? part : `&${part}`).has(this.#name))
    if (others.length === parts.length) return
    request.target = others.length === 0 ? request.rawPath : `${request.rawPath}?${others.join('&')}`
  }
}
