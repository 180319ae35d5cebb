/**
 * What routes ask of a request, for guards that ask the same: the code that routes a request decides here too, so that the two
 * can't read a path, a field or a parameter in two ways.
 */
import { ConfigError } from '../errors.ts'
import type { ExchangeRequest } from '../exchange-request.ts'
import { parseAuthority } from './authority.ts'
import { compileMatch, MATCH_ALL, type RouteMatch } from './route-match.ts'
import { type Routable, Router } from './router.ts'

/** What of a route's match has a meaning for a guard: its name, its priority and `allowPaths` have none. */
export type RequestMatch = Pick<RouteMatch, 'host' | 'path' | 'method' | 'headers' | 'query'>

/** Some matches, compiled; a request satisfies it where it satisfies one of them. */
export class RequestMatcher {
  readonly #router: Router<Routable>
  readonly #asksHost: boolean

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at`, or `at[index]` where there are several */
  constructor(matches: RequestMatch | readonly RequestMatch[], at: string) {
    const list: readonly RequestMatch[] = Array.isArray(matches) ? matches : [matches]
    if (list.length === 0) throw new ConfigError(at, 'must have at least one match')
    this.#router = new Router(
      list.map((match, index) => ({
        match: compileMatch(match, MATCH_ALL, list === matches ? `${at}[${index}]` : at),
      })),
    )
    this.#asksHost = list.some(({ host }) => host !== undefined)
  }

  /**
   * Whether a request satisfies one of them. `path` is a canonical path to take in place of the request's own: how else an
   * upstream might read it.
   */
  matches(request: ExchangeRequest, path: string = request.path): boolean {
    const host = this.#asksHost ? (parseAuthority(request.authority)?.host ?? '') : ''
    return this.#router.find(request, host, path) !== undefined
  }
}
