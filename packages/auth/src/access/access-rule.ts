/** One rule: what it asks of a request, checked and compiled when the guard is built. */
import { ConfigError, type Exchange, type RequestMatch, RequestMatcher } from '@sluice/core'
import { flagOption, objectOption, strictOption, textOption, textsOption, wordOption } from '@sluice/core/options'
import type { Clock } from '@sluice/wire'
import { type CertificateMatch, compileCertificate } from './certificate-match.ts'
import { CidrList, type CidrListOptions } from './cidr-list.ts'
import { isList } from './cidr-source.ts'
import { compileGlob } from './path-glob.ts'
import { combinationsOf, type ReadingMask, readPath } from './path-readings.ts'
import { compileTimes, type TimeWindow } from './time-window.ts'
import { compileValues } from './value-tests.ts'

/** What a rule or a guard decides. */
export type AccessAction = 'allow' | 'deny'

/** Addresses as rules name them: entries, a file or a function, or a list that is shared with others. */
export type Addresses = readonly string[] | CidrListOptions | CidrList

/**
 * A rule. Everything named must hold, what is not named does not matter, and something has to be named. `host`, `path`, `method`,
 * `headers` and `query` are those of a route, and decided by the code that routes; but of several fields or parameters of one name, one is
 * enough for a rule that denies, and for one that allows all have to be as it says.
 */
export interface AccessRule<N = unknown> extends Omit<RequestMatch, 'path'> {
  /** For events and snapshots. @default `rule-1` for the first */
  readonly name?: string
  readonly action: AccessAction
  /** Only counts and tells where it holds; the rules behind it decide. @default false */
  readonly shadow?: boolean
  /** The client's address, as far as it can be trusted (`forwarded.trust` and `listen.proxyProtocol` of the proxy). */
  readonly addresses?: Addresses
  /** One of these patterns of a route: `/admin/*` (`/admin` and all below it), `/users/:id`, `/status`. */
  readonly path?: string | readonly string[]
  /** One of these globs: `*` is a part of a segment, `?` a character, `**` any number of segments. */
  readonly glob?: string | readonly string[]
  /** The certificate that the client has shown; `true` for any that an authority vouches for. */
  readonly certificate?: true | CertificateMatch
  /** When, by the clock on the wall: in one of these windows. */
  readonly times?: TimeWindow | readonly TimeWindow[]
  /** Anything else. */
  readonly when?: (exchange: Exchange<N>) => boolean
}

/** A compiled rule, with its counts. */
export interface CompiledRule<N> {
  readonly name: string
  readonly action: AccessAction
  readonly shadow: boolean
  readonly list: CidrList | undefined
  /** Whether the list was made here, and so has to be closed here. */
  readonly ownsList: boolean
  /** The readings in which its own path is another, so that any request's has to be read so. */
  readonly ownReadings: ReadingMask
  readonly hasPath: boolean
  /** `path` as it is read by `mask`. */
  holds: (exchange: Exchange<N>, path: string, mask: ReadingMask) => boolean
  matched: number
}

type Test<N> = CompiledRule<N>['holds']

const NAMES = 'name action shadow addresses path glob host method headers query certificate times when'.split(' ')

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at` */
export function compileRule<N>(
  rule: AccessRule<N>,
  index: number,
  readings: ReadingMask,
  clock: Clock | undefined,
  at: string,
): CompiledRule<N> {
  const { addresses, certificate, times, when } = strictOption(rule, NAMES, at)
  const action = actionOption(rule.action, `${at}.action`)
  const list = addresses === undefined ? undefined : listOf(addresses, action, clock, `${at}.addresses`)
  const path = pathTests(rule, readings, at)
  const tests: Test<N>[] = []
  if (list !== undefined) tests.push(inList(list, action))
  tests.push(...path.tests)
  for (const test of compileValues(rule, action, at)) tests.push(({ request }) => test(request))
  if (certificate !== undefined) {
    const test = compileCertificate(certificate, `${at}.certificate`)
    tests.push((exchange) => test(exchange))
  }
  if (times !== undefined) {
    const test = compileTimes(times, `${at}.times`)
    tests.push((exchange) => test(exchange.clock.wallTime()))
  }
  if (when !== undefined) {
    if (typeof when !== 'function') throw new ConfigError(`${at}.when`, 'must be a function')
    // Code without types may return anything, a promise for one: what is no clear word lets nobody in.
    tests.push(
      action === 'allow'
        ? (exchange) => (when(exchange) as unknown) === true
        : (exchange) => (when(exchange) as unknown) !== false,
    )
  }
  if (tests.length === 0) throw new ConfigError(at, 'asks nothing: what holds for everybody is "default"')
  return {
    name: textOption(rule.name ?? `rule-${index + 1}`, `${at}.name`),
    action,
    shadow: flagOption(rule.shadow, false, `${at}.shadow`),
    list,
    ownsList: list !== undefined && list !== addresses,
    ownReadings: path.ownReadings,
    hasPath: path.hasPath,
    holds: tests.length === 1 ? tests[0]! : (exchange, read, mask) => tests.every((test) => test(exchange, read, mask)),
    matched: 0,
  }
}

/** Has to be said. */
export function actionOption(action: AccessAction, at: string): AccessAction {
  return wordOption(action, '' as AccessAction, ['allow', 'deny'], at)
}

/** @throws {ConfigError} where it is none */
function listOf(addresses: Addresses, action: AccessAction, clock: Clock | undefined, at: string): CidrList {
  if (addresses instanceof CidrList) return addresses
  const common = { allowEmpty: action === 'deny', ...(clock === undefined ? {} : { clock }) }
  if (isList(addresses)) return new CidrList({ ...common, ranges: addresses }, at, at)
  return new CidrList({ ...common, ...objectOption(addresses, at) }, at)
}

/** Until a list is there, nobody is allowed by it and everybody is denied. */
function inList<N>(list: CidrList, action: AccessAction): Test<N> {
  if (action === 'allow') return ({ client }) => list.has(client.address)
  return ({ client }) => !list.isReady || list.has(client.address)
}

interface PathTests<N> {
  readonly tests: readonly Test<N>[]
  readonly ownReadings: ReadingMask
  readonly hasPath: boolean
}

function pathTests<N>(rule: AccessRule<N>, readings: ReadingMask, at: string): PathTests<N> {
  const { host, method } = rule
  const paths = rule.path === undefined ? undefined : textsOption(rule.path, `${at}.path`)
  const globs = rule.glob === undefined ? undefined : textsOption(rule.glob, `${at}.glob`)
  const tests: Test<N>[] = []
  if (paths !== undefined || host !== undefined || method !== undefined) {
    const others = { ...(host === undefined ? {} : { host }), ...(method === undefined ? {} : { method }) }
    // Each by itself first, so that the place in a message is that of the rule's option.
    for (const path of paths ?? []) void new RequestMatcher({ ...others, path }, at)
    const matcherFor = (mask: ReadingMask) =>
      new RequestMatcher(paths?.map((path) => ({ ...others, path: readPath(path, mask) })) ?? others, at)
    const matchers = byReading(readings, paths ?? [], matcherFor)
    tests.push(({ request }, path, mask) => matchers[mask]!.matches(request, path))
  }
  if (globs !== undefined) {
    const compiled = byReading(readings, globs, (mask) =>
      globs.map((glob) => compileGlob(readPath(glob, mask), `${at}.glob`)),
    )
    tests.push((_exchange, path, mask) => compiled[mask]!.some((matches) => matches(path)))
  }
  const own = [...(paths ?? []), ...(globs ?? [])]
  const changing = combinationsOf(readings).filter((mask) => own.some((path) => readPath(path, mask) !== path))
  return {
    tests,
    // Single bits: each combination is made of them.
    ownReadings: changing.filter((mask) => (mask & (mask - 1)) === 0).reduce((all, mask) => all | mask, 0),
    hasPath: own.length > 0,
  }
}

/** One for each combination of readings; where the rule's own paths stay as they are, the plain one. */
function byReading<T>(readings: ReadingMask, own: readonly string[], make: (mask: ReadingMask) => T): readonly T[] {
  const plain = make(0)
  const table: T[] = []
  for (let mask = 0; mask <= readings; mask++) {
    const isOther = (mask & readings) === mask && own.some((path) => readPath(path, mask) !== path)
    table.push(isOther ? make(mask) : plain)
  }
  return table
}
