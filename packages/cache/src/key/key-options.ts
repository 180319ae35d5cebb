/** What of a request names a stored response, beyond scheme, authority, method and path. */
import { ConfigError, type Exchange } from '@sluice/core'
import { fieldsOption, flagOption, functionOption, objectOption, textOption } from '@sluice/core/options'

/** Options of `key`. */
export interface KeyOptions<N = unknown> {
  /**
   * Which parameters of the query count: all, none, only those listed in `allow`, or all but those in `ignore`. Names are compared as
   * they stand in the URL. @default 'all'
   */
  readonly query?: 'all' | 'none' | { readonly allow: readonly string[] } | { readonly ignore: readonly string[] }
  /** Whether parameters in another order are the same query. @default false */
  readonly sortQuery?: boolean
  /** Cookies whose values count, by name. @default none */
  readonly cookies?: readonly string[]
  /** Request fields whose values count, whether or not responses vary by them. @default none */
  readonly headers?: readonly string[]
  /** Anything else, such as a tenant. @default none */
  readonly extra?: (exchange: Exchange<N>) => string
}

/** The same, checked. */
export interface KeyPlan {
  /** `undefined`: as it is. */
  readonly keepsParameter: ((name: string) => boolean) | undefined
  readonly dropsQuery: boolean
  readonly sortsQuery: boolean
  readonly cookies: readonly string[]
  readonly headers: readonly string[]
  readonly extra: ((exchange: Exchange) => string) | undefined
  /** Whether the target is taken as it is, and nothing is added: the usual case. */
  readonly isPlain: boolean
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveKeyOptions<N>(options: KeyOptions<N> | undefined, at: string): KeyPlan {
  const { query = 'all', extra, ...rest } = options === undefined ? {} : objectOption(options, at)
  const cookies = wordsOption(rest.cookies, `${at}.cookies`)
  const headers = fieldsOption(rest.headers, [], `${at}.headers`)
  const sortsQuery = flagOption(rest.sortQuery, false, `${at}.sortQuery`)
  const keepsParameter = parameterFilter(query, `${at}.query`)
  return {
    keepsParameter,
    dropsQuery: query === 'none',
    sortsQuery,
    cookies,
    headers,
    extra: functionOption(extra, `${at}.extra`) as KeyPlan['extra'],
    isPlain: query === 'all' && !sortsQuery && cookies.length + headers.length === 0 && extra === undefined,
  }
}

function parameterFilter(query: KeyOptions['query'], at: string): KeyPlan['keepsParameter'] {
  if (query === 'all' || query === 'none') return undefined
  if (typeof query !== 'object' || query === null || ('allow' in query && 'ignore' in query))
    throw new ConfigError(at, 'must be "all", "none", { allow } or { ignore }')
  if ('allow' in query) {
    const allowed = new Set(wordsOption(query.allow, `${at}.allow`))
    return (name) => allowed.has(name)
  }
  const ignored = new Set(wordsOption(query.ignore, `${at}.ignore`))
  return (name) => !ignored.has(name)
}

function wordsOption(words: readonly string[] | undefined, at: string): readonly string[] {
  if (words === undefined) return []
  if (!Array.isArray(words)) throw new ConfigError(at, 'must be a list of strings')
  return words.map((each: unknown, index) => textOption(each, `${at}[${index}]`))
}
