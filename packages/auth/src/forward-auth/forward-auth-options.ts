/** Options of `forwardAuth`, checked and resolved. */
import { ConfigError, createUpstream, type Exchange, type Upstream } from '@sluice/core'
import { fieldOption, positiveOption, wholeOption, wordOption } from '@sluice/core/options'
import type { CacheOption } from '../cache/cache-option.ts'
import { ownFieldOption } from '../own-fields.ts'
import { type CacheKeyOption, compileCacheKey } from './cache-key.ts'

/** Options of `forwardAuth`. */
export interface ForwardAuthOptions {
  /** Whom to ask: one URL, with path and query as they are sent. Nothing of a request changes it, and no redirect is followed. */
  readonly url?: string
  /** In the place of it: an upstream, with its balancing, its health and its TLS. */
  readonly upstream?: Upstream
  /** Path and query at that upstream. @default '/' */
  readonly path?: string
  /** How the service is asked; there is no body. @default 'GET' */
  readonly method?: 'GET' | 'HEAD' | 'POST'
  /**
   * The fields of the request that are sent. Besides them go `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`, by what is known of
   * the request here. One that is there twice is refused, unless it is a list: the service and the upstream may not take the same one.
   * @default ['authorization', 'cookie']
   */
  readonly requestFields?: readonly string[]
  /**
   * The fields of the answer that are put on the request. A client's own copies of them are removed, also with `_` or another sign for `-`, and from
   * the trailers of its body. @default []
   */
  readonly copyFields?: readonly string[]
  /** The fields of a refusal that the client gets. @default ['www-authenticate', 'location', 'set-cookie', 'content-type'] */
  readonly refusalFields?: readonly string[]
  /**
   * The field of the answer that names the client. @default none: a digest of the fields that were sent names it, under a secret of this process,
   * so that it is another name in each
   */
  readonly subjectField?: string
  /** The field of the answer with the client's roles, by commas or spaces. @default none */
  readonly rolesField?: string
  /** The same with its scopes. @default none */
  readonly scopesField?: string
  /** Longest wait for the whole answer. @default 2_000 */
  readonly timeoutMs?: number
  /** Longest body of a refusal that is relayed; a longer one is left out. @default 65_536 */
  readonly maxBodyBytes?: number
  /**
   * Where there is no answer in time, or one that is neither 2xx, 3xx, 401 nor 403: `deny` answers 503; `allow` lets the request pass with
   * the subject `unauthenticated`, without roles and scopes.
   * @default 'deny'
   */
  readonly onError?: 'deny' | 'allow'
  /**
   * What answers are cached by, besides `requestFields`, method, scheme and host: what else the answer depends on of `:path` (with the query),
   * `:address` (the client's) and fields; `[]` for nothing else. Or a function that gives the whole key, and `undefined` for what is not to be cached.
   * A refusal that sets a cookie is cached for nobody.
   * @default nothing is cached
   */
  readonly cacheKey?: CacheKeyOption
  /** How long. @default true, where there is a `cacheKey` */
  readonly cache?: CacheOption
}

export const FORWARD_AUTH_OPTIONS: readonly string[] = [
  'url',
  'upstream',
  'path',
  'method',
  'requestFields',
  'copyFields',
  'refusalFields',
  'subjectField',
  'rolesField',
  'scopesField',
  'timeoutMs',
  'maxBodyBytes',
  'onError',
  'cacheKey',
  'cache',
]

/** Resolved. Names of fields are in lower case. */
export interface ForwardAuthPlan {
  readonly upstream: Upstream
  readonly target: string
  readonly method: string
  readonly requestFields: readonly string[]
  readonly copyFields: readonly string[]
  /** What names of `copyFields` are compared by. */
  readonly ownFields: ReadonlySet<string>
  readonly refusalFields: readonly string[]
  readonly subjectField: string | undefined
  readonly rolesField: string | undefined
  readonly scopesField: string | undefined
  readonly timeoutMs: number
  readonly maxBodyBytes: number
  readonly failsOpen: boolean
  readonly keyOf: ((exchange: Exchange) => string | undefined) | undefined
}

/** They belong to the connection, or to the message that they came with. */
const NEVER_RELAYED = new Set(['content-length', 'transfer-encoding', 'connection', 'content-encoding', 'trailer'])

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveForwardAuth(options: ForwardAuthOptions, at: string): ForwardAuthPlan {
  const requestFields = fieldsOption(options.requestFields ?? ['authorization', 'cookie'], `${at}.requestFields`)
  const copyFields = fieldsOption(options.copyFields ?? [], `${at}.copyFields`)
  return {
    ...whomToAsk(options, at),
    method: wordOption(options.method, 'GET', ['GET', 'HEAD', 'POST'], `${at}.method`),
    requestFields,
    copyFields,
    ownFields: new Set(copyFields.map((field, index) => ownFieldOption(field, `${at}.copyFields[${index}]`))),
    refusalFields: fieldsOption(
      options.refusalFields ?? ['www-authenticate', 'location', 'set-cookie', 'content-type'],
      `${at}.refusalFields`,
    ),
    subjectField: optionalField(options.subjectField, `${at}.subjectField`),
    rolesField: optionalField(options.rolesField, `${at}.rolesField`),
    scopesField: optionalField(options.scopesField, `${at}.scopesField`),
    timeoutMs: positiveOption(options.timeoutMs, 2_000, `${at}.timeoutMs`),
    maxBodyBytes: wholeOption(options.maxBodyBytes, 65_536, `${at}.maxBodyBytes`, 0),
    failsOpen: wordOption(options.onError, 'deny', ['deny', 'allow'], `${at}.onError`) === 'allow',
    keyOf: compileCacheKey(options.cacheKey, requestFields, `${at}.cacheKey`),
  }
}

function whomToAsk({ url, upstream, path }: ForwardAuthOptions, at: string): { upstream: Upstream; target: string } {
  if ((url === undefined) === (upstream === undefined)) throw new ConfigError(at, 'needs either url or upstream')
  if (upstream !== undefined) {
    if (typeof (upstream as Partial<Upstream> | null)?.pick !== 'function')
      throw new ConfigError(`${at}.upstream`, 'must be an upstream, of createUpstream')
    return { upstream, target: targetOption(path ?? '/', `${at}.path`) }
  }
  if (path !== undefined) throw new ConfigError(`${at}.path`, 'is a part of the URL where there is one')
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.hash !== '')
    throw new ConfigError(`${at}.url`, 'must be a URL of http: or https:, without a fragment')
  if (parsed.username !== '' || parsed.password !== '')
    throw new ConfigError(`${at}.url`, 'must not have credentials in it')
  return {
    upstream: createUpstream('forward-auth', { targets: [parsed.origin] }),
    target: parsed.pathname + parsed.search,
  }
}

function targetOption(path: unknown, at: string): string {
  if (typeof path === 'string' && /^\/[\x21\x22\x24-\x7e]*$/.test(path)) return path
  throw new ConfigError(at, 'must be a path that begins with "/"')
}

function fieldsOption(names: unknown, at: string): readonly string[] {
  if (!Array.isArray(names)) throw new ConfigError(at, 'must be a list of names of fields')
  return names.map((name: unknown, index) => {
    const field = fieldOption(name, `${at}[${index}]`)
    if (NEVER_RELAYED.has(field))
      throw new ConfigError(`${at}[${index}]`, 'belongs to the message and can not be copied')
    return field
  })
}

function optionalField(name: unknown, at: string): string | undefined {
  return name === undefined ? undefined : fieldOption(name, at)
}
