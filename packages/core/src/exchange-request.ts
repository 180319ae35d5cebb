/** The two sides of a request: as it was received, which stays, and as it is being shaped on its way upstream. */
import { type Body, type HeaderList, isToken } from '@sluice/wire'
import { canonicalPath, type CanonicalPath } from './routing/canonical-path.ts'

/** The head of a request as it arrived. Nothing in it can be changed. */
export class ReceivedRequest {
  readonly #method: string
  readonly #target: string
  readonly #headers: HeaderList
  readonly #httpVersion: string

  /** `target` in any form of RFC 9112, section 3.2; `headers` are frozen here; `httpVersion` is `1.0`, `1.1` or `2.0`. */
  constructor(method: string, target: string, headers: HeaderList, httpVersion: string) {
    this.#method = method
    this.#target = target
    this.#headers = headers.freeze()
    this.#httpVersion = httpVersion
  }

  get method(): string {
    return this.#method
  }

  /** The request target exactly as received. */
  get target(): string {
    return this.#target
  }

  /** Every field as received, hop-by-hop ones included. */
  get headers(): HeaderList {
    return this.#headers
  }

  get httpVersion(): string {
    return this.#httpVersion
  }
}

/** Whether it may be sent as it stands. Written as latin1, U+010A would become a line feed: so nothing beyond ASCII. */
export function isOriginForm(target: string): boolean {
  return /^\/[\x21\x22\x24-\x7e]*$/.test(target)
}

/** The request that is forwarded. Middlewares change it; `exchange.received` keeps what it was. */
export class ExchangeRequest {
  /** End-to-end fields. Hop-by-hop ones were stripped at the entrance; framing fields are the transport's. */
  readonly headers: HeaderList
  body: Body
  /** `host` or `host:port` as the client named it; the empty string where an HTTP/1.0 client named none. */
  authority: string
  /** The protocol the client asks to switch to (RFC 9110, section 7.8), lower case, where the listener can. */
  readonly upgrade: string | undefined
  #method: string
  #target: string
  #canonical: CanonicalPath | undefined = undefined
  #query: URLSearchParams | undefined = undefined

  constructor(
    method: string,
    target: string,
    headers: HeaderList,
    body: Body,
    authority: string,
    upgrade: string | undefined,
  ) {
    this.#method = method
    this.#target = target
    this.headers = headers
    this.body = body
    this.authority = authority
    this.upgrade = upgrade
  }

  /** The same head as a request of its own; the body is shared. */
  copy(): ExchangeRequest {
    const copy = new ExchangeRequest(
      this.#method,
      this.#target,
      this.headers.copy(),
      this.body,
      this.authority,
      this.upgrade,
    )
    copy.#canonical = this.#canonical
    return copy
  }

  get method(): string {
    return this.#method
  }

  /** @throws {RangeError} where it is no token */
  set method(method: string) {
    if (!isToken(method)) throw new RangeError(`not a method: ${JSON.stringify(method)}`)
    this.#method = method
  }

  /** Path and query as they are forwarded, in origin form: `/users/1?full=1`. */
  get target(): string {
    return this.#target
  }

  /** @throws {RangeError} where it does not begin with `/`, or has a `#` or anything but visible ASCII */
  set target(target: string) {
    if (!isOriginForm(target)) throw new RangeError(`not a request target in origin form: ${JSON.stringify(target)}`)
    this.#target = target
    this.#canonical = undefined
    this.#query = undefined
  }

  /** The canonical path: what routes match and guards decide on. */
  get path(): string {
    return this.#canonicalForm().path
  }

  /** What is ambiguous in the raw path, as bits of the routing module. */
  get ambiguities(): number {
    return this.#canonicalForm().ambiguities
  }

  /** The path as it is forwarded, without the query. */
  get rawPath(): string {
    const question = this.#target.indexOf('?')
    return question < 0 ? this.#target : this.#target.slice(0, question)
  }

  /** The query as it is forwarded, without the `?`. */
  get rawQuery(): string {
    const question = this.#target.indexOf('?')
    return question < 0 ? '' : this.#target.slice(question + 1)
  }

  /** The query, parsed at first use. Changing it changes nothing: set {@link target}. */
  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.rawQuery))
  }

  #canonicalForm(): CanonicalPath {
    return (this.#canonical ??= canonicalPath(this.rawPath))
  }
}
