/** How a chain is composed: routes within routes, each with the middlewares of those around it. */
import { ConfigError } from './errors.ts'
import type { ForwardOptions } from './forward-plan.ts'
import { forward } from './forward.ts'
import { type Handler, link, type LinkedMiddleware, type Middleware } from './middleware.ts'
import { type CompiledMatch, compileMatch, type RouteMatch } from './routing/route-match.ts'
import type { Upstream } from './upstream/upstream.ts'

/** Composes one route. `S` is the state that the middlewares so far have set. */
export interface RouteBuilder<S = unknown> {
  /** Adds a middleware behind those so far. Whatever it needs must have been set by one before it. */
  use<A = unknown>(middleware: Middleware<S, A>): RouteBuilder<S & A>
  /** A route within this one: it matches where both do, and runs the middlewares so far before its own. */
  route(match: RouteMatch, build: (route: RouteBuilder<S>) => unknown): RouteBuilder<S>
  /** Ends the route at an upstream. See {@link forward}. */
  forward(upstream: Upstream, options?: ForwardOptions): void
  /** Ends the route in a handler of your own. */
  handle(handler: Handler<S>): void
}

/** A finished route. */
export interface RouteDefinition {
  readonly name: string
  readonly match: CompiledMatch
  /** Names of the middlewares, outermost first. */
  readonly middlewares: readonly string[]
  readonly handler: Handler
  /** Where it forwards to; missing where it ends in a handler. */
  readonly upstream: Upstream | undefined
}

/** Collects the routes of one scope and all below it into a list. */
export class RouteScope<S = unknown> implements RouteBuilder<S> {
  readonly #match: CompiledMatch
  readonly #at: string
  readonly #routes: RouteDefinition[]
  readonly #chain: LinkedMiddleware[]
  #children = 0
  #isFinished = false

  constructor(match: CompiledMatch, at: string, routes: RouteDefinition[], chain: readonly LinkedMiddleware[]) {
    this.#match = match
    this.#at = at
    this.#routes = routes
    this.#chain = [...chain]
  }

  /** Whether the scope leads anywhere. */
  get isComplete(): boolean {
    return this.#isFinished || this.#children > 0
  }

  get chain(): readonly LinkedMiddleware[] {
    return this.#chain
  }

  use<A = unknown>(middleware: Middleware<S, A>): RouteScope<S & A> {
    const at = `${this.#at}use[${this.#chain.length}]`
    if (typeof middleware !== 'function') throw new ConfigError(at, 'a middleware must be a function')
    // The root goes on: its own end is for what no route matches.
    if (this.#isFinished && this.#at !== '')
      throw new ConfigError(at, 'comes too late: forward() and handle() are each the last call')
    this.#chain.push(middleware)
    return this as unknown as RouteScope<S & A>
  }

  route(match: RouteMatch, build: (route: RouteBuilder<S>) => unknown): this {
    const at = `${this.#at}routes[${this.#children++}]`
    const inner = new RouteScope<S>(compileMatch(match, this.#match, at), `${at}.`, this.#routes, this.#chain)
    build(inner)
    if (!inner.isComplete) throw new ConfigError(at, 'needs forward(), handle() or a route within it')
    return this
  }

  forward(upstream: Upstream, options?: ForwardOptions): void {
    this.#finish(forward(upstream, options), upstream)
  }

  handle(handler: Handler<S>): void {
    if (typeof handler !== 'function') throw new ConfigError(`${this.#at}handle`, 'a handler must be a function')
    this.#finish(handler as Handler, undefined)
  }

  #finish(terminal: Handler, upstream: Upstream | undefined): void {
    if (this.#isFinished) {
      const at = this.#at === '' ? 'routes' : this.#at.slice(0, -1)
      throw new ConfigError(at, 'ends twice: forward() and handle() are each the last call')
    }
    this.#isFinished = true
    this.#routes.push({
      name: this.#match.name,
      match: this.#match,
      middlewares: this.#chain.map((middleware) => middleware.name || 'anonymous'),
      handler: link(this.#chain, terminal),
      upstream,
    })
  }
}
