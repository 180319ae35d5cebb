/**
 * Fields that the gateway alone may write, such as those that tell the upstream who is asking. What a client has sent under their names never gets
 * there: not in other spellings, which CGI-like upstreams take for the same, and not behind its body.
 */
import { ConfigError, type Exchange } from '@sluice/core'
import { fieldOption } from '@sluice/core/options'
import { type Body, type BodyFlow, type BodySink, type HeaderList, UNKNOWN_NAMES } from '@sluice/wire'

const ODD = /[^a-z0-9-]/
const ALL_ODD = /[^a-z0-9-]/g

/** What names are compared by: `X_User` and `X.User` are `x-user` to an upstream that makes variables of them (RFC 3875, section 4.1.18). */
export function fieldKey(name: string): string {
  const key = name.toLowerCase()
  return ODD.test(key) ? key.replaceAll(ALL_ODD, '-') : key
}

/** They are the transport's, or would be stripped as hop-by-hop. */
const NOT_OURS = ['host', 'content-length', 'transfer-encoding', 'connection', 'te', 'trailer', 'upgrade']

/** The name of a field that the gateway writes. Gives its key. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function ownFieldOption(name: unknown, at: string): string {
  const key = fieldKey(fieldOption(name, at))
  if (NOT_OURS.includes(key)) throw new ConfigError(at, 'is no field for it')
  return key
}

/** Removes what the client has sent under these names, of {@link fieldKey}. */
export function removeOwnFields({ request, received }: Exchange, keys: ReadonlySet<string>): void {
  removeFrom(request.headers, keys)
  // Of a body with a length HTTP/1.1 can not say anything behind it, and an upgrade has none.
  if (request.upgrade !== undefined || (request.body.length !== undefined && received.httpVersion !== '2.0')) return
  if (isFlowing(request.body))
    request.body = request.body.transform((sink) => new WithoutTrailers(sink, keys), request.body.length)
}

function removeFrom(headers: HeaderList, keys: ReadonlySet<string>): void {
  // A name in another spelling is none of those that are known.
  if (headers.hasAny(UNKNOWN_NAMES)) headers.deleteWhere((key) => keys.has(fieldKey(key)))
  else for (const key of keys) headers.delete(key)
}

function isFlowing(body: Body): boolean {
  return !body.isEmpty && body.latin1 === undefined && body.inMemory === undefined
}

/** Lets a body through, and of its trailers those that have other names. */
class WithoutTrailers implements BodySink {
  readonly #sink: BodySink
  readonly #keys: ReadonlySet<string>

  constructor(sink: BodySink, keys: ReadonlySet<string>) {
    this.#sink = sink
    this.#keys = keys
  }

  begin(flow: BodyFlow): void {
    this.#sink.begin(flow)
  }

  write(chunk: Uint8Array): boolean {
    return this.#sink.write(chunk)
  }

  end(trailers?: HeaderList): void {
    if (trailers === undefined) return this.#sink.end()
    const others = trailers.copy()
    removeFrom(others, this.#keys)
    this.#sink.end(others.size === 0 ? undefined : others)
  }

  abort(error: Error): void {
    this.#sink.abort(error)
  }
}
