/** What a route asks of a request, and how that is checked and compiled when the proxy is built. */
import type { HeaderList } from '@sluice/wire'
import { isToken } from '@sluice/wire'
import { ConfigError } from '../errors.ts'
import type { ExchangeRequest } from '../exchange-request.ts'
import { strictOption } from '../options/option-checks.ts'
import { ambiguityMask, canonicalPath, PATH_AMBIGUITIES, type PathAmbiguity } from './canonical-path.ts'

/** What a field or query parameter must be: this text, matching this pattern, present (`true`) or absent (`false`). */
export type ValueMatch = string | boolean | RegExp | ((value: string) => boolean)

/** What a route asks of a request. Everything named must hold; what is not named does not matter. */
export interface RouteMatch {
  /** For `explain()`, logs and metrics. @default made of the match, e.g. `GET api.example.com/users/*` */
  readonly name?: string
  /** `example.com`, or `*.example.com` for every name below it (but not itself). Without a port; compared exactly. */
  readonly host?: string
  /**
   * `/users` (just that), `/users/:id` (one segment, in `exchange.params`), `/users/*` (`/users` and all below it; the rest
   * in `exchange.params['*']`). Matched on the canonical path. In a nested route: below the parent's prefix.
   */
  readonly path?: string
  /** One method or several. `GET` includes `HEAD`. */
  readonly method?: string | readonly string[]
  /** By field name. Several fields of one name are joined with `", "`. */
  readonly headers?: Readonly<Record<string, ValueMatch>>
  /** By parameter name, on the first of that name, decoded. */
  readonly query?: Readonly<Record<string, ValueMatch>>
  /** Decides before all else: higher first. Nested routes inherit it. @default 0 */
  readonly priority?: number
  /** Kinds of ambiguous path that the upstream is known to read as the proxy does; the others get 400. @default [] */
  readonly allowPaths?: readonly PathAmbiguity[]
}

/** A compiled match. */
export interface CompiledMatch {
  readonly name: string
  readonly host: string | undefined
  /** Segments of the pattern, without the trailing `*`. */
  readonly segments: readonly string[]
  /** Whether the pattern ends in `/*`, or there is none. */
  readonly isPrefix: boolean
  readonly predicates: readonly Predicate[]
  readonly priority: number
  readonly allowedAmbiguities: number
}

/** A condition beyond host and path. */
export type Predicate = (request: ExchangeRequest) => boolean

/** What matches everything: the root that all routes stand under. */
export const MATCH_ALL: CompiledMatch = {
  name: '',
  host: undefined,
  segments: [],
  isPrefix: true,
  predicates: [],
  priority: 0,
  allowedAmbiguities: 0,
}

const NAMES: readonly (keyof RouteMatch)[] = [
  'name',
  'host',
  'path',
  'method',
  'headers',
  'query',
  'priority',
  'allowPaths',
]

/** Checks a match and combines it with that of the route around it. `at` is its place, for messages. */
export function compileMatch(match: RouteMatch, parent: CompiledMatch, at: string): CompiledMatch {
  if (typeof match === 'string') throw new ConfigError(at, 'must be an object, such as { path: "/users/*" }')
  strictOption(match, NAMES, at)
  const path = match.path === undefined ? undefined : compilePath(match.path, parent.segments, `${at}.path`)
  if (path !== undefined && !parent.isPrefix) {
    throw new ConfigError(`${at}.path`, 'a route within another needs the outer path to end in "/*"')
  }
  if (match.host !== undefined && parent.host !== undefined) {
    throw new ConfigError(`${at}.host`, 'the route around this one has a host already')
  }
  for (const each of match.allowPaths ?? []) {
    if (!PATH_AMBIGUITIES.includes(each))
      throw new ConfigError(`${at}.allowPaths`, `"${each}" is not one of ${PATH_AMBIGUITIES.join(', ')}`)
  }
  if (match.priority !== undefined && !Number.isFinite(match.priority))
    throw new ConfigError(`${at}.priority`, 'must be a finite number')
  const host = match.host === undefined ? parent.host : compileHost(match.host, `${at}.host`)
  const segments = path === undefined ? parent.segments : [...parent.segments, ...path.segments]
  const isPrefix = path === undefined ? parent.isPrefix : path.isPrefix
  return {
    name: match.name ?? describe(match.method, host, segments, isPrefix),
    host,
    segments,
    isPrefix,
    predicates: [...parent.predicates, ...compilePredicates(match, at)],
    priority: match.priority ?? parent.priority,
    allowedAmbiguities: parent.allowedAmbiguities | ambiguityMask(match.allowPaths ?? []),
  }
}

function describe(
  method: RouteMatch['method'],
  host: string | undefined,
  segments: readonly string[],
  isPrefix: boolean,
): string {
  const methods = method === undefined ? '' : `${[method].flat().join('|')} `
  return `${methods}${host ?? ''}/${segments.join('/')}${isPrefix ? (segments.length > 0 ? '/*' : '*') : ''}`
}

function compileHost(host: string, at: string): string {
  const lower = typeof host === 'string' ? host.toLowerCase() : ''
  const name = lower.startsWith('*.') ? lower.slice(2) : lower
  if (!/^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/.test(name)) {
    throw new ConfigError(at, `"${host}" is neither a host name without a port nor "*." before one`)
  }
  return lower
}

function compilePath(path: string, outer: readonly string[], at: string): Pick<CompiledMatch, 'segments' | 'isPrefix'> {
  if (typeof path !== 'string' || !path.startsWith('/')) throw new ConfigError(at, `"${path}" must begin with "/"`)
  const isPrefix = path.endsWith('/*')
  const written = path === '/*' ? [] : (isPrefix ? path.slice(1, -2) : path.slice(1)).split('/')
  const names = new Set(outer.filter((segment) => segment.startsWith(':')).map((segment) => segment.slice(1)))
  const segments = written.map((segment, index) => {
    const isLast = index === written.length - 1
    if (segment === '' && (!isLast || isPrefix)) throw new ConfigError(at, `"${path}" has an empty segment`)
    if (segment.includes('*')) throw new ConfigError(at, `"${path}": "*" may only stand at the end, after "/"`)
    if (!segment.startsWith(':')) return compileLiteral(segment, path, at)
    const name = segment.slice(1)
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new ConfigError(at, `"${segment}" does not name a parameter`)
    if (names.has(name)) throw new ConfigError(at, `"${path}" names the parameter "${name}" twice`)
    names.add(name)
    return segment
  })
  return { segments, isPrefix }
}

/** A literal as it stands in a canonical path: `café` as `caf%C3%A9`. */
function compileLiteral(segment: string, path: string, at: string): string {
  const escaped = segment.toWellFormed().replace(/[^\x00-\x7f]+/g, encodeURIComponent)
  const canonical = canonicalPath(`/${escaped}`)
  if (/[?#]/.test(segment) || !segment.isWellFormed() || canonical.ambiguities !== 0) {
    throw new ConfigError(at, `"${path}" could match no canonical path`)
  }
  return canonical.path.slice(1)
}

function compilePredicates(match: RouteMatch, at: string): Predicate[] {
  const predicates: Predicate[] = []
  if (match.method !== undefined) predicates.push(methodPredicate([match.method].flat(), `${at}.method`))
  for (const [name, expected] of Object.entries(match.headers ?? {})) {
    if (!isToken(name)) throw new ConfigError(`${at}.headers`, `"${name}" is not a field name`)
    const test = valueTest(expected, `${at}.headers.${name}`)
    predicates.push((request) => test((request.headers satisfies HeaderList).get(name)))
  }
  for (const [name, expected] of Object.entries(match.query ?? {})) {
    const test = valueTest(expected, `${at}.query.${name}`)
    predicates.push((request) => test(request.query.get(name) ?? undefined))
  }
  return predicates
}

function methodPredicate(methods: readonly string[], at: string): Predicate {
  if (methods.length === 0) throw new ConfigError(at, 'must name a method')
  for (const method of methods) if (!isToken(method)) throw new ConfigError(at, `"${method}" is not a method`)
  const allowed = new Set(methods)
  if (allowed.has('GET')) allowed.add('HEAD')
  return (request) => allowed.has(request.method)
}

/**
 * What routes make of a {@link ValueMatch}, for guards that ask the same of a value.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at`
 */
export function valueTest(expected: ValueMatch, at: string): (value: string | undefined) => boolean {
  if (typeof expected === 'string') return (value) => value === expected
  if (typeof expected === 'boolean') return (value) => (value !== undefined) === expected
  if (typeof expected === 'function') return (value) => value !== undefined && expected(value)
  if (!(expected instanceof RegExp)) throw new ConfigError(at, 'must be a string, a boolean, a RegExp or a function')
  // A sticky or global pattern remembers where it stopped; a copy without these flags does not.
  const pattern = new RegExp(expected.source, expected.flags.replace(/[gy]/g, ''))
  return (value) => value !== undefined && pattern.test(value)
}
