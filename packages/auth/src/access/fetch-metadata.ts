/**
 * Keeps other sites from asking for what is meant for one's own pages: a resource isolation policy by the fields in which
 * browsers say who asks for what (W3C Fetch Metadata; the policy is that of web.dev and of OWASP's cheat sheet). It ends CSRF,
 * cross-site script inclusion and most leaks between sites, for all browsers since 2023. Put `cors` above it where both are used, and
 * name the origins that may in both.
 */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  type Middleware,
  originList,
  type OriginList,
  RequestMatcher,
  type RequestMatch,
} from '@sluice/core'
import { flagOption, strictOption, textOption, wordOption } from '@sluice/core/options'
import { accessRefusal } from './access-refusal.ts'
import { accessRefused } from './events.ts'
import { addVary, editReply } from './reply-edit.ts'

/** Options of {@link fetchMetadata}. */
export interface FetchMetadataOptions {
  /** Whether other origins of the same site (`a.example.com` for `b.example.com`) may ask. @default true */
  readonly sameSite?: boolean
  /**
   * Which links from other sites may be followed here, with GET or HEAD: `all`, also in frames; `top-level`, not in frames; `none`.
   * Never into `<object>` and `<embed>`. @default 'all'
   */
  readonly navigations?: 'all' | 'top-level' | 'none'
  /**
   * What happens without these fields, which old browsers and programs do not send: `check-origin` refuses where there is an
   * `Origin` of another host than the one that is asked (programs and GET by old browsers have none).
   * @default 'check-origin'
   */
  readonly missing?: 'allow' | 'check-origin' | 'deny'
  /** Origins that may ask as if they were this one, as in `cors`. @default [] */
  readonly origins?: readonly string[]
  /** What anybody may ask for: each a host, path, method, fields and query as of a route. @default [] */
  readonly exempt?: readonly RequestMatch[]
  /** Refuses nobody: only counts and tells who would be. @default false */
  readonly shadow?: boolean
  /** For events and `explain()`. @default 'fetchMetadata' */
  readonly name?: string
}

/** Why a request is refused. */
export type FetchMetadataReason = 'cross-site' | 'same-site' | 'navigation' | 'origin' | 'missing' | 'malformed'

/** The guard's state as plain data. */
export interface FetchMetadataSnapshot {
  readonly name: string
  readonly shadow: boolean
  readonly allowed: number
  /** By reason; also those that a shadow would have refused. */
  readonly refused: Readonly<Record<FetchMetadataReason, number>>
}

/** The middleware, with a look inside. */
export interface FetchMetadataGuard extends Middleware {
  snapshot(): FetchMetadataSnapshot
}

const AT = 'fetchMetadata'
const NAMES = 'sameSite navigations missing origins exempt shadow name'.split(' ')
const CONDITIONS = ['host', 'path', 'method', 'headers', 'query']
const VARY = ['Sec-Fetch-Site', 'Sec-Fetch-Mode', 'Sec-Fetch-Dest', 'Origin']

/**
 * Makes the guard. A refusal is 403 with a problem document of the `code` `cross-site-refused`. Every reply, refusals too, has `Vary`
 * for the fields that were looked at, so that no cache gives one site what another was meant to get.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function fetchMetadata(options: FetchMetadataOptions = {}): FetchMetadataGuard {
  const policy = new IsolationPolicy(strictOption(options, NAMES, AT))
  const middleware = defineMiddleware(policy.name, (exchange, next) => {
    if (policy.refuses(exchange)) {
      const reply = accessRefusal('cross-site-refused', exchange.settings.name)
      addVary(reply.headers, VARY)
      return reply
    }
    return editReply(exchange, next, (headers) => addVary(headers, VARY))
  })
  return Object.assign(middleware, { snapshot: () => policy.snapshot() })
}

class IsolationPolicy {
  readonly name: string
  readonly #shadow: boolean
  readonly #sameSite: boolean
  readonly #navigations: 'all' | 'top-level' | 'none'
  readonly #missing: 'allow' | 'check-origin' | 'deny'
  readonly #isListed: OriginList
  readonly #exempt: RequestMatcher | undefined
  #allowed = 0
  readonly #refused: Record<FetchMetadataReason, number> = {
    'cross-site': 0,
    'same-site': 0,
    navigation: 0,
    origin: 0,
    missing: 0,
    malformed: 0,
  }

  constructor(options: FetchMetadataOptions) {
    const { navigations, missing, origins = [], exempt } = options
    this.name = textOption(options.name ?? AT, `${AT}.name`)
    this.#shadow = flagOption(options.shadow, false, `${AT}.shadow`)
    this.#sameSite = flagOption(options.sameSite, true, `${AT}.sameSite`)
    this.#navigations = wordOption(navigations, 'all', ['all', 'top-level', 'none'], `${AT}.navigations`)
    this.#missing = wordOption(missing, 'check-origin', ['allow', 'check-origin', 'deny'], `${AT}.missing`)
    this.#isListed = originList(origins, `${AT}.origins`)
    this.#exempt = exempt === undefined ? undefined : exemption(exempt, `${AT}.exempt`)
  }

  /** Decides, counts and publishes. */
  refuses(exchange: Exchange): boolean {
    const reason = this.#reason(exchange)
    if (reason === undefined) {
      this.#allowed++
      return false
    }
    this.#refused[reason]++
    if (accessRefused.hasSubscribers)
      accessRefused.publish({ exchange, guard: this.name, rule: reason, shadow: this.#shadow })
    return !this.#shadow
  }

  snapshot(): FetchMetadataSnapshot {
    return { name: this.name, shadow: this.#shadow, allowed: this.#allowed, refused: { ...this.#refused } }
  }

  /** What fails in a shadow must not fail the exchange: it exempts nothing then. */
  #isExempt({ request }: Exchange): boolean {
    if (this.#exempt === undefined) return false
    try {
      return this.#exempt.matches(request)
    } catch (error) {
      if (this.#shadow) return false
      throw error
    }
  }

  #reason(exchange: Exchange): FetchMetadataReason | undefined {
    const { headers } = exchange.request
    const site = headers.get('sec-fetch-site')
    // `none` is the user: the address bar, a bookmark.
    if (site === 'same-origin' || site === 'none') return undefined
    const origin = headers.get('origin')
    if ((origin !== undefined && this.#isListed(origin)) || this.#isExempt(exchange)) return undefined
    if (site === undefined) return this.#reasonWithout(exchange, origin)
    if (site === 'same-site' && this.#sameSite) return undefined
    if (site !== 'same-site' && site !== 'cross-site') return 'malformed'
    if (headers.get('sec-fetch-mode') !== 'navigate' || !isGet(exchange)) return site
    return this.#allowsInto(headers.get('sec-fetch-dest')) ? undefined : 'navigation'
  }

  #allowsInto(dest: string | undefined): boolean {
    if (dest === 'document') return this.#navigations !== 'none'
    // Before there was the field: a browser that sends the others and not this.
    return this.#navigations === 'all' && dest !== 'object' && dest !== 'embed'
  }

  #reasonWithout({ request }: Exchange, origin: string | undefined): FetchMetadataReason | undefined {
    if (this.#missing === 'deny') return 'missing'
    if (this.#missing === 'allow' || origin === undefined) return undefined
    // Hosts alone: which scheme a browser sees, a proxy in front may not tell.
    return hostOf(origin) === request.authority.toLowerCase() ? undefined : 'origin'
  }
}

function exemption(matches: readonly RequestMatch[], at: string): RequestMatcher | undefined {
  if (!Array.isArray(matches)) throw new ConfigError(at, 'must be a list')
  ;(matches as readonly RequestMatch[]).forEach((match, index) => {
    // Without a condition, or with none but one that is misspelt, it would be everything.
    if (Object.keys(strictOption(match, CONDITIONS, `${at}[${index}]`)).length === 0)
      throw new ConfigError(`${at}[${index}]`, 'must have at least one condition')
  })
  return matches.length === 0 ? undefined : new RequestMatcher(matches, at)
}

function isGet({ request }: Exchange): boolean {
  return request.method === 'GET' || request.method === 'HEAD'
}

/** Without a port that goes without saying; so does the authority of a browser's request. Of `null` there is none. */
function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : ''
}
