/**
 * Finds the most specific route: by priority, then by host (exact, then the longest wildcard, then any), then by path
 * (literal before parameter before `/*`, segment by segment), then by the number of further conditions, then by the order
 * of definition. A trie over path segments; a look-up visits each of its nodes at most once, so its cost is linear in the
 * path and bounded by the routes, whatever the path is.
 */
import type { ExchangeRequest } from '../exchange-request.ts'
import type { CompiledMatch } from './route-match.ts'

/** What a router needs to know of a route. */
export interface Routable {
  readonly match: CompiledMatch
}

/** An immutable table of routes. */
export class Router<R extends Routable> {
  readonly #levels: readonly HostTable<R>[]

  constructor(routes: readonly R[]) {
    const levels = new Map<number, HostTable<R>>()
    for (const route of routes) {
      const { priority } = route.match
      let level = levels.get(priority)
      if (level === undefined) levels.set(priority, (level = new HostTable()))
      level.add(route)
    }
    this.#levels = [...levels].sort(([a], [b]) => b - a).map(([, level]) => level)
  }

  /**
   * `host` is lower case, without a port; the empty string where the request names none. `path` is a canonical one, to take
   * in place of the request's own.
   */
  find(request: ExchangeRequest, host: string, path: string = request.path): R | undefined {
    for (const level of this.#levels) {
      const found = level.find(request, host, path)
      if (found !== undefined) return found
    }
    return undefined
  }
}

class HostTable<R extends Routable> {
  readonly #exact = new Map<string, PathNode<R>>()
  readonly #wildcards = new Map<string, PathNode<R>>()
  readonly #any = new PathNode<R>()

  add(route: R): void {
    this.#tableOf(route.match.host).add(route)
  }

  find(request: ExchangeRequest, host: string, path: string): R | undefined {
    return (
      (this.#exact.size === 0 ? undefined : search(this.#exact.get(host), request, path)) ??
      this.#findWildcard(request, host, path) ??
      search(this.#any, request, path)
    )
  }

  #findWildcard(request: ExchangeRequest, host: string, path: string): R | undefined {
    if (this.#wildcards.size === 0) return undefined
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const found = search(this.#wildcards.get(host.slice(dot + 1)), request, path)
      if (found !== undefined) return found
    }
    return undefined
  }

  #tableOf(host: string | undefined): PathNode<R> {
    if (host === undefined) return this.#any
    const [table, name] = host.startsWith('*.') ? [this.#wildcards, host.slice(2)] : [this.#exact, host]
    let node = table.get(name)
    if (node === undefined) table.set(name, (node = new PathNode()))
    return node
  }
}

class PathNode<R extends Routable> {
  readonly literals = new Map<string, PathNode<R>>()
  parameter: PathNode<R> | undefined
  /** Routes whose pattern ends here, and those that continue with anything; most conditions first. */
  readonly exact: R[] = []
  readonly prefix: R[] = []

  add(route: R): void {
    const node = route.match.segments.reduce<PathNode<R>>((parent, segment) => parent.#childFor(segment), this)
    const routes = route.match.isPrefix ? node.prefix : node.exact
    routes.push(route)
    routes.sort((a, b) => b.match.predicates.length - a.match.predicates.length)
  }

  #childFor(segment: string): PathNode<R> {
    if (segment.startsWith(':')) return (this.parameter ??= new PathNode())
    let child = this.literals.get(segment)
    if (child === undefined) this.literals.set(segment, (child = new PathNode()))
    return child
  }
}

function search<R extends Routable>(
  node: PathNode<R> | undefined,
  request: ExchangeRequest,
  path: string,
): R | undefined {
  return node === undefined ? undefined : descend(node, request, path, 1)
}

/** `from` is where the next segment begins; past the end of the path there is none. */
function descend<R extends Routable>(
  node: PathNode<R>,
  request: ExchangeRequest,
  path: string,
  from: number,
): R | undefined {
  if (from <= path.length) {
    const slash = path.indexOf('/', from)
    const end = slash < 0 ? path.length : slash
    const literal = node.literals.get(path.slice(from, end))
    const found =
      (literal === undefined ? undefined : descend(literal, request, path, end + 1)) ??
      (node.parameter === undefined || end === from ? undefined : descend(node.parameter, request, path, end + 1))
    if (found !== undefined) return found
  } else {
    const route = firstThatHolds(node.exact, request)
    if (route !== undefined) return route
  }
  return firstThatHolds(node.prefix, request)
}

function firstThatHolds<R extends Routable>(routes: readonly R[], request: ExchangeRequest): R | undefined {
  for (const route of routes) {
    if (route.match.predicates.every((holds) => holds(request))) return route
  }
  return undefined
}

/** The values of a pattern's parameters in the path it matched, decoded, with what `/*` stood for under `*`. */
export function pathParams(match: CompiledMatch, path: string): Readonly<Record<string, string>> {
  const params: Record<string, string> = Object.create(null)
  const values = path.split('/')
  match.segments.forEach((segment, index) => {
    if (segment.startsWith(':')) params[segment.slice(1)] = decode(values[index + 1]!)
  })
  if (match.isPrefix) params['*'] = values.slice(match.segments.length + 1).join('/')
  return Object.freeze(params)
}

function decode(value: string): string {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
