/**
 * Cross-origin resource sharing (Fetch standard, section 3.2): which pages of other origins may read replies, and ask for more
 * than a form could. Preflights are answered here and reach neither what stands behind nor the upstream; so put it above
 * authentication, which no preflight could pass. It protects nobody but the users of browsers: requests that no browser has sent
 * go on, and so do those that a page may send without asking. See `fetchMetadata` for keeping those out.
 */
import { ConfigError, defineMiddleware, type Exchange, type Middleware, originList, Reply } from '@sluice/core'
import { durationOption, flagOption, strictOption, textOption } from '@sluice/core/options'
import { HeaderList, isToken } from '@sluice/wire'
import { isList } from './cidr-source.ts'
import { accessRefused } from './events.ts'
import { addVary, editReply } from './reply-edit.ts'

/** Options of {@link cors}. */
export interface CorsOptions<N = unknown> {
  /**
   * `https://app.example.com`, `https://*.example.com` (any name below it, not itself), or `null`; `'*'` for everybody; or a function,
   * which is not asked about `null` with `credentials`.
   * Scheme, host and port are compared as they stand.
   */
  readonly origins: '*' | readonly string[] | ((origin: string, exchange: Exchange<N>) => boolean)
  /** What pages may ask for. `*` is all of them, without `credentials`. @default ['GET', 'HEAD', 'POST'] */
  readonly methods?: readonly string[]
  /**
   * Fields that pages may set, beside those that need no leave. `*` is all of them but `Authorization`, without `credentials`.
   * @default []
   */
  readonly headers?: readonly string[]
  /** Fields of replies that pages may read, beside those that need no leave. `*` is all, without `credentials`. @default [] */
  readonly exposedHeaders?: readonly string[]
  /** Whether browsers may send cookies and the like, and show pages the replies to that. @default false */
  readonly credentials?: boolean
  /** How long a browser may keep the answer to a preflight, in milliseconds; browsers have limits of their own. @default left to the browser */
  readonly maxAgeMs?: number
  /** Whether pages of the public internet may ask for this in a private network (Private Network Access). @default false */
  readonly privateNetwork?: boolean
  /** For events and `explain()`. @default 'cors' */
  readonly name?: string
}

/** The guard's state as plain data. */
export interface CorsSnapshot {
  readonly name: string
  /** Preflights that were answered. */
  readonly preflights: number
  /** Requests and preflights with an origin that is allowed, and with another. */
  readonly allowed: number
  readonly refused: number
}

/** The middleware, with a look inside. */
export interface CorsGuard<N = unknown> extends Middleware<N> {
  snapshot(): CorsSnapshot
}

const AT = 'cors'
const NAMES = 'origins methods headers exposedHeaders credentials maxAgeMs privateNetwork name'.split(' ')

/**
 * Makes the middleware. What the upstream says of sharing itself (`Access-Control-*`) is taken off its replies.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`; also for `*` or `null` together with `credentials`
 */
export function cors<N = unknown>(options: CorsOptions<N>): CorsGuard<N> {
  const sharing = new Sharing<N>(strictOption(options, NAMES, AT))
  const middleware = defineMiddleware<N>(sharing.name, (exchange, next) => {
    const { request } = exchange
    const origin = request.headers.get('origin')
    const isAllowed = origin !== undefined && sharing.allows(origin, exchange)
    if (origin !== undefined && request.method === 'OPTIONS' && request.headers.has('access-control-request-method'))
      return sharing.answer(exchange, origin, isAllowed)
    return editReply(exchange, next, (headers) => sharing.share(headers, isAllowed ? origin : undefined))
  })
  return Object.assign(middleware, { snapshot: () => sharing.snapshot() })
}

class Sharing<N> {
  readonly name: string
  readonly #allows: (origin: string, exchange: Exchange<N>) => boolean
  readonly #isForAll: boolean
  /** The fields of replies, and those of preflights beside them: the same for all that are allowed. */
  readonly #fields: readonly (readonly [string, string])[]
  readonly #preflightFields: readonly (readonly [string, string])[]
  readonly #privateNetwork: boolean
  #preflights = 0
  #allowed = 0
  #refused = 0

  constructor(options: CorsOptions<N>) {
    const credentials = flagOption(options.credentials, false, `${AT}.credentials`)
    const { origins, maxAgeMs } = options
    this.name = textOption(options.name ?? AT, `${AT}.name`)
    this.#allows = originTest(origins, credentials)
    this.#isForAll = origins === '*'
    this.#privateNetwork = flagOption(options.privateNetwork, false, `${AT}.privateNetwork`)
    const methods = namesOf(options.methods ?? ['GET', 'HEAD', 'POST'], credentials, `${AT}.methods`)
    const headers = namesOf(options.headers ?? [], credentials, `${AT}.headers`)
    const exposed = namesOf(options.exposedHeaders ?? [], credentials, `${AT}.exposedHeaders`)
    if (methods === '') throw new ConfigError(`${AT}.methods`, 'must name a method')
    const seconds =
      maxAgeMs === undefined ? '' : String(Math.floor(durationOption(maxAgeMs, 0, `${AT}.maxAgeMs`) / 1_000))
    const shared: (readonly [string, string])[] = credentials ? [['Access-Control-Allow-Credentials', 'true']] : []
    this.#fields = filled([...shared, ['Access-Control-Expose-Headers', exposed]])
    this.#preflightFields = filled([
      ...shared,
      ['Access-Control-Allow-Methods', methods],
      ['Access-Control-Allow-Headers', headers],
      ['Access-Control-Max-Age', seconds],
    ])
  }

  allows(origin: string, exchange: Exchange<N>): boolean {
    const isAllowed = this.#allows(origin, exchange)
    if (isAllowed) this.#allowed++
    else this.#refused++
    return isAllowed
  }

  /** The answer to a preflight: 204 also where the origin is not allowed, when the browser finds no leave in it. */
  answer(exchange: Exchange<N>, origin: string, isAllowed: boolean): Reply {
    this.#preflights++
    const headers = new HeaderList()
    this.#vary(headers, this.#privateNetwork ? PREFLIGHT_VARY : VARY)
    if (isAllowed) {
      this.#allow(headers, origin)
      for (const [name, value] of this.#preflightFields) headers.append(name, value)
      if (this.#privateNetwork && exchange.request.headers.get('access-control-request-private-network') === 'true')
        headers.append('Access-Control-Allow-Private-Network', 'true')
    } else if (accessRefused.hasSubscribers) {
      accessRefused.publish({ exchange, guard: this.name, rule: 'origin', shadow: false })
    }
    return new Reply(204, headers)
  }

  /** `origin` is missing where there is none that is allowed. */
  share(headers: HeaderList, origin: string | undefined): void {
    headers.deleteWhere((key) => key.startsWith('access-control-'))
    this.#vary(headers, VARY)
    // For everybody, so that a cache may keep one reply for all of them.
    if (origin === undefined && !this.#isForAll) return
    this.#allow(headers, origin ?? '*')
    for (const [name, value] of this.#fields) headers.append(name, value)
  }

  snapshot(): CorsSnapshot {
    return { name: this.name, preflights: this.#preflights, allowed: this.#allowed, refused: this.#refused }
  }

  #allow(headers: HeaderList, origin: string): void {
    headers.append('Access-Control-Allow-Origin', this.#isForAll ? '*' : origin)
  }

  /** Also without an origin, and with one that is not allowed: a cache must not give that reply to a page that is. */
  #vary(headers: HeaderList, names: readonly string[]): void {
    if (!this.#isForAll) addVary(headers, names)
  }
}

const VARY = ['Origin']
const PREFLIGHT_VARY = ['Origin', 'Access-Control-Request-Private-Network']

function originTest<N>(
  origins: CorsOptions<N>['origins'],
  credentials: boolean,
): (origin: string, exchange: Exchange<N>) => boolean {
  const at = `${AT}.origins`
  if (typeof origins === 'function')
    return (origin, exchange) =>
      // Sandboxed frames and local files all are `null`, and anybody can make one. Code without types may return a promise, which is no leave.
      !(credentials && origin === 'null') && (origins(origin, exchange) as unknown) === true
  if (origins === '*') {
    if (credentials) throw new ConfigError(at, 'must not be "*" with credentials: name the origins')
    return () => true
  }
  if (!isList(origins) || origins.length === 0)
    throw new ConfigError(at, 'must be "*", a function, or a list of at least one origin')
  if (credentials && origins.includes('null'))
    throw new ConfigError(`${at}[${origins.indexOf('null')}]`, 'must not be "null" with credentials')
  return originList(origins, at)
}

/** A list of methods or fields as the browser reads it. */
function namesOf(names: readonly string[], credentials: boolean, at: string): string {
  if (!isList(names)) throw new ConfigError(at, 'must be a list')
  names.forEach((name, index) => {
    if (typeof name !== 'string' || !isToken(name)) throw new ConfigError(`${at}[${index}]`, `"${name}" is not a name`)
    // The browser would take it for a name like any other.
    if (name === '*' && credentials) throw new ConfigError(`${at}[${index}]`, 'must not be "*" with credentials')
  })
  return names.join(', ')
}

function filled(fields: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return fields.filter(([, value]) => value !== '')
}
