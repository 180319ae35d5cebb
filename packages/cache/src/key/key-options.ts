/** What of a request names a stored response, beyond scheme, authority, method and path. */
import { ConfigError, type Exchange } from '@sluice/core'
import {
  fieldsOption,
  flagOption,
  functionOption,
  type OptionNames,
  strictOption,
  textOption,
} from '@sluice/core/options'
import { lenientName } from './query.ts'

/** Options of `key`. */
export interface KeyOptions<N = unknown> {
  /**
   * Which parameters of the query count: all, none, only those listed in `allow`, or all but those in `ignore`. What some upstream could
   * take for a parameter of the list in `allow`, such as `Q`, `%71` or `q[]` for `q`, counts as well; names in `ignore` are compared as they
   * stand in the URL; and what has a semicolon always counts. @default 'all'
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

const NAMES: OptionNames<KeyOptions> = {
  query: true,
  sortQuery: true,
  cookies: true,
  headers: true,
  extra: true,
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
  const { query = 'all', extra, ...rest } = options === undefined ? {} : strictOption(options, NAMES, at)
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
    const words = wordsOption(query.allow, `${at}.allow`)
    const allowed = new Set([...words, ...words.map(lenientName)])
    return (name) => {
      if (allowed.has(name)) return true
      const lenient = lenientName(name)
      return lenient === undefined || allowed.has(lenient)
    }
  }
  const ignored = new Set(wordsOption(query.ignore, `${at}.ignore`))
  return (name) => !ignored.has(name)
}

function wordsOption(words: readonly string[] | undefined, at: string): readonly string[] {
  if (words === undefined) return []
  if (!Array.isArray(words)) throw new ConfigError(at, 'must be a list of strings')
  return words.map((each: unknown, index) => textOption(each, `${at}[${index}]`))
}
