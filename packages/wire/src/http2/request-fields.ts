/**
 * The fields of a request, gathered as they are decoded, and turned into what every request begins with (RFC 9113, section 8.3). What
 * is malformed is known by the end of the block; what is too much, where it becomes it.
 */
import { HeaderList } from '../header-list.ts'
import { fieldName, maskOf } from '../header-names.ts'
import {
  AUTHORITY,
  COOKIE,
  FORBIDDEN,
  HOST,
  METHOD,
  PATH,
  PROTOCOL,
  REGULAR,
  SCHEME,
  TE,
  type FieldName,
} from './field-name.ts'
import type { FieldReader } from './hpack-decoder.ts'

/** How much a head may be. */
export interface FieldBounds {
  /** Beyond this the head is refused with a reply: bytes as HTTP/1.1 would count them, and fields. */
  readonly maxHeaderBytes: number
  readonly maxHeaderCount: number
  /** Beyond this its stream is reset, and the rest is not looked at: names, values and 32 for each (RFC 9113, section 6.5.2). */
  readonly maxListBytes: number
  /** The same for the number of fields, crumbs of cookies among them. */
  readonly maxListCount: number
}

/** A head that was read. */
export interface Http2RequestHead {
  readonly method: string
  /** The path; of a CONNECT that is not extended, the authority. */
  readonly target: string
  /** With `Host` from `:authority`, and one `cookie` field. */
  readonly headers: HeaderList
  /** Of an extended CONNECT (RFC 8441). */
  readonly protocol: string | undefined
  /**
   * What is wrong with it, where that is worth a reply: more than there may be, a `Host` that is not the authority, or a
   * path that is none.
   */
  readonly fault: 'too-large' | 'host' | 'target' | undefined
}

const CONTENT_LENGTH = maskOf('content-length')
const OVERHEAD = 32
/** Colon, space and line end, in place of it. */
const LESS_IN_HTTP1 = 28
const HOST_NAME = fieldName('Host')

export class RequestFields implements FieldReader {
  readonly #bounds: FieldBounds
  /** It is more than there may be of it. */
  isFull = false
  isMalformed = false
  #flat: string[] = []
  #keys: string[] = []
  #mask = 0
  #listBytes = 0
  #count = 0
  #method: string | undefined = undefined
  #path: string | undefined = undefined
  #scheme: string | undefined = undefined
  #authority: string | undefined = undefined
  #protocol: string | undefined = undefined
  #cookieAt = 0
  #hasPseudo = false
  /** A pseudo-header field can't come any more. */
  #hasRegular = false
  #isOtherHost = false

  constructor(bounds: FieldBounds) {
    this.#bounds = bounds
  }

  field(name: FieldName, value: string, isText: boolean): void {
    this.#listBytes += name.text.length + value.length + OVERHEAD
    this.#count++
    if (this.#listBytes > this.#bounds.maxListBytes || this.#count > this.#bounds.maxListCount) {
      this.isFull = true
      return
    }
    if (!isText) this.isMalformed = true
    if (name.kind !== REGULAR) return this.#special(name, value)
    this.#hasRegular = true
    this.#push(name, value)
  }

  /** The head of a request; `undefined` where it is malformed. `endsStream`: nothing comes behind it. */
  head(endsStream: boolean): Http2RequestHead | undefined {
    const target = this.isMalformed ? undefined : this.#target()
    if (target === undefined) return undefined
    const head: Http2RequestHead = {
      method: this.#method!,
      target,
      headers: this.#headers(),
      protocol: this.#protocol,
      fault: this.#fault(target),
    }
    return endsStream && (announcedLength(head) ?? 0) > 0 ? undefined : head
  }

  /** What comes behind a body; `undefined` where it is malformed. */
  trailers(): HeaderList | undefined {
    return this.isMalformed || this.#hasPseudo ? undefined : this.#headers()
  }

  #headers(): HeaderList {
    return HeaderList.parsed(this.#flat, this.#keys, this.#mask)
  }

  #push({ text, bit }: FieldName, value: string): void {
    this.#flat.push(text, value)
    this.#keys.push(text)
    this.#mask |= bit
  }

  #special(name: FieldName, value: string): void {
    switch (name.kind) {
      case METHOD:
        this.#method = this.#once(this.#method, value)
        break
      case SCHEME:
        this.#scheme = this.#once(this.#scheme, value)
        break
      case PATH:
        this.#path = this.#once(this.#path, value)
        break
      case PROTOCOL:
        this.#protocol = this.#once(this.#protocol, value)
        break
      case AUTHORITY:
        this.#authority = this.#once(this.#authority, value)
        // All fields come behind it.
        this.#flat.push(HOST_NAME.spelling, value)
        this.#keys.push(HOST_NAME.key)
        this.#mask |= HOST_NAME.bit
        break
      case COOKIE:
        this.#hasRegular = true
        this.#cookie(name, value)
        break
      case HOST:
        this.#hasRegular = true
        this.#host(name, value)
        break
      case TE:
        this.#hasRegular = true
        if (value !== 'trailers' && value.toLowerCase() !== 'trailers') this.isMalformed = true
        this.#push(name, value)
        break
      case FORBIDDEN:
        this.isMalformed = true
    }
  }

  /** A pseudo-header field, ahead of all others and no more than once. */
  #once(before: string | undefined, value: string): string {
    this.#hasPseudo = true
    if (before !== undefined || this.#hasRegular) this.isMalformed = true
    return value
  }

  /** What a client may have split (RFC 9113, section 8.2.3) is one field to everybody else. */
  #cookie(name: FieldName, value: string): void {
    // One that is empty would leave a space at an end, which no value may have.
    if (value === '') return
    if (this.#cookieAt > 0) {
      this.#flat[this.#cookieAt] += `; ${value}`
      return
    }
    this.#push(name, value)
    this.#cookieAt = this.#flat.length - 1
  }

  #host(name: FieldName, value: string): void {
    if (this.#authority === undefined) {
      // Two of them are joined with a comma, which no host has.
      return this.#push(name, value)
    }
    if (value !== this.#authority && value.toLowerCase() !== this.#authority.toLowerCase()) this.#isOtherHost = true
  }

  /** A CONNECT that is not extended: its target is an authority. */
  get #isConnect(): boolean {
    return this.#method === 'CONNECT' && this.#protocol === undefined
  }

  /** `undefined` where one of the pseudo-header fields is missing, or one too many. */
  #target(): string | undefined {
    if (this.#isConnect) {
      return this.#path === undefined && this.#scheme === undefined ? this.#authority : undefined
    }
    if (this.#method === undefined || this.#scheme === undefined || this.#path === '') return undefined
    return this.#protocol === undefined || this.#method === 'CONNECT' ? this.#path : undefined
  }

  #fault(target: string): Http2RequestHead['fault'] {
    const { maxHeaderBytes, maxHeaderCount } = this.#bounds
    const size = this.#listBytes - this.#count * LESS_IN_HTTP1
    if (size > maxHeaderBytes || this.#keys.length > maxHeaderCount) return 'too-large'
    if (this.#isOtherHost) return 'host'
    // No absolute form: there are `:scheme` and `:authority` for that.
    const isPath = target.startsWith('/') || target === '*'
    return isPath || this.#isConnect ? undefined : 'target'
  }
}

/** What was said of the length of the body. With one that is none, or is said twice, the head is refused by whoever gets it. */
export function announcedLength({ headers, method }: Http2RequestHead): number | undefined {
  if (method === 'CONNECT' || !headers.hasAny(CONTENT_LENGTH)) return undefined
  const length = Number(headers.get('content-length'))
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined
}
