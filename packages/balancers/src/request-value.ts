/** One value of a request, found where it stands: hashing it takes no copy. */
import { ConfigError, type Exchange } from '@sluice/core'
import { textOption, tokenOption } from '@sluice/core/options'

/**
 * A header field (all its values together), a cookie, or a parameter of the query. Cookies and parameters are taken as they
 * are written: nothing is decoded. An empty value counts as none.
 */
export type ValueSource = { readonly header: string } | { readonly cookie: string } | { readonly query: string }

/** After a {@link find} that succeeded, the value is `text` from `start` up to `end`. */
export class RequestValue {
  text = ''
  start = 0
  end = 0
  readonly #from: 'header' | 'cookie' | 'query'
  readonly #name: string

  /** @throws {ConfigError} where the source is not one; `at` is the option's place */
  constructor(source: ValueSource, at: string) {
    const [entry, ...others] = typeof source === 'object' && source !== null ? Object.entries(source) : []
    const [from, name] = entry ?? []
    if (others.length > 0 || (from !== 'header' && from !== 'cookie' && from !== 'query'))
      throw new ConfigError(at, 'must be { header }, { cookie } or { query }')
    this.#from = from
    this.#name = from === 'query' ? textOption(name, `${at}.query`) : tokenOption(name, `${at}.${from}`)
  }

  /** Looks in the request as it is being forwarded: what middlewares have set counts. */
  find(exchange: Exchange): boolean {
    const { request } = exchange
    if (this.#from === 'query') return this.findParameter(request.target, this.#name)
    const value = request.headers.get(this.#from === 'cookie' ? 'cookie' : this.#name)
    if (value === undefined) return false
    if (this.#from === 'cookie') return this.findCookie(value, this.#name)
    this.text = value
    this.start = 0
    this.end = value.length
    return this.end > 0
  }

  /** RFC 6265, section 4.2.1; the first of that name. */
  findCookie(header: string, name: string): boolean {
    this.text = header
    for (let at = 0; at < header.length;) {
      let end = header.indexOf(';', at)
      if (end < 0) end = header.length
      while (at < end && isBlank(header.charCodeAt(at))) at++
      if (header.startsWith(name, at) && header.charCodeAt(at + name.length) === 61) {
        return this.#between(at + name.length + 1, end)
      }
      at = end + 1
    }
    return false
  }

  findParameter(target: string, name: string): boolean {
    this.text = target
    for (let at = target.indexOf('?') + 1; at > 0;) {
      let end = target.indexOf('&', at)
      if (end < 0) end = target.length
      if (target.startsWith(name, at) && target.charCodeAt(at + name.length) === 61) {
        return this.#between(at + name.length + 1, end)
      }
      at = end === target.length ? 0 : end + 1
    }
    return false
  }

  /** The value as a text of its own. */
  toString(): string {
    return this.text.slice(this.start, this.end)
  }

  /** Without the blanks and the quotes around it. */
  #between(start: number, end: number): boolean {
    const { text } = this
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--
    if (end - start >= 2 && text.charCodeAt(start) === 34 && text.charCodeAt(end - 1) === 34) {
      start++
      end--
    }
    this.start = start
    this.end = end
    return end > start
  }
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}
