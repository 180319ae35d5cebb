/** The proxy that users compose, mount, listen with and test. */
import { type RouteBuilder, type RouteDefinition, RouteScope } from './builder.ts'
import { Entrance, type LinkedRoute } from './entrance/entrance.ts'
import { ConfigError, DownstreamError } from './errors.ts'
import { explain, type Explanation } from './explain.ts'
import { fetchThrough, type FetchInit } from './fetch.ts'
import type { ForwardOptions } from './forward-plan.ts'
import { inject, type InjectedReply, type InjectedRequest } from './inject.ts'
import { checkListenOptions } from './listener-parts.ts'
import type { Listener, ListenOptions } from './listener.ts'
import { type Handler, link, type Middleware } from './middleware.ts'
import { createNodeHandler, type NodeHandler } from './node/node-handler.ts'
import { createUpgradeHandler, type NodeUpgradeHandler } from './node/node-upgrade.ts'
import { durationOption, strictOption } from './options/option-checks.ts'
import { problemReply } from './problem.ts'
import { type ProxyOptions, resolveProxyOptions } from './proxy-options.ts'
import type { ProxySettings } from './proxy-settings.ts'
import { MATCH_ALL, type RouteMatch } from './routing/route-match.ts'
import { Router } from './routing/router.ts'
import type { Tunnel } from './tunnel/tunnel.ts'
import type { Upstream } from './upstream/upstream.ts'
import { wireListener } from './wire/wire-listener.ts'

/** How a proxy is closed. */
export interface CloseOptions {
  /** How long exchanges under way may take to end; then they are aborted. @default 10_000 */
  readonly drainMs?: number
}

/**
 * Makes a proxy. It is composed with {@link Proxy.use} and {@link Proxy.route}; its first use (listening, a handler, a
 * request) links it, and from then on it can't be changed.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function createProxy(options: ProxyOptions = {}): Proxy {
  return new Proxy(options)
}

/** What is fixed by the first use. */
interface LinkedProxy {
  readonly entrance: Entrance
  readonly definitions: ReadonlyMap<object, RouteDefinition>
}

/** `S` is the state that its own middlewares set for every route. */
export class Proxy<S = unknown> {
  readonly #settings: ProxySettings
  readonly #noMatch: Handler | undefined
  readonly #routes: RouteDefinition[] = []
  readonly #scope: RouteScope<S> = new RouteScope<S>(MATCH_ALL, '', this.#routes, [])
  readonly #listeners: Listener[] = []
  #linked: LinkedProxy | undefined
  #isClosing = false
  #closed: Promise<void> | undefined

  constructor(options: ProxyOptions) {
    this.#settings = resolveProxyOptions(options)
    this.#noMatch = options.noMatch
  }

  /** Adds a middleware for every route that comes after it, and for what no route matches. */
  use<A = unknown>(middleware: Middleware<S, A>): Proxy<S & A> {
    this.#assertOpen()
    this.#scope.use(middleware)
    return this as unknown as Proxy<S & A>
  }

  /** Adds a route. `build` ends it with `forward()`, `handle()`, or routes within it. */
  route(match: RouteMatch, build: (route: RouteBuilder<S>) => unknown): this {
    this.#assertOpen()
    this.#scope.route(match, build)
    return this
  }

  /** Forwards what no other route matches. */
  forward(upstream: Upstream, options?: ForwardOptions): this {
    this.#assertOpen()
    this.#scope.forward(upstream, options)
    return this
  }

  /** Handles what no other route matches. */
  handle(handler: Handler<S>): this {
    this.#assertOpen()
    this.#scope.handle(handler)
    return this
  }

  /**
   * Opens a listener of its own: the fast path. Rejects where the address can't be had.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`
   */
  async listen(options: ListenOptions = {}): Promise<Listener> {
    checkListenOptions(options)
    const listener = (options.listener ?? wireListener())(options, this.#services())
    await listener.listen()
    this.#listeners.push(listener)
    return listener
  }

  /** For an existing `http.Server`, Express or Connect. See {@link NodeHandler}. */
  nodeHandler(): NodeHandler {
    return createNodeHandler(this.#services())
  }

  /** For the `upgrade` event of an existing `http.Server`. See {@link NodeUpgradeHandler}. */
  upgradeHandler(): NodeUpgradeHandler {
    return createUpgradeHandler(this.#services())
  }

  /** Answers a `Request`. Never rejects for what the request or an upstream does. */
  async fetch(request: Request, init: FetchInit = {}): Promise<Response> {
    return (await fetchThrough(this.#link().entrance, request, init, false))!
  }

  /** As {@link fetch}, but `undefined` where no route matches: for a framework that goes on then. */
  async fetchMatched(request: Request, init: FetchInit = {}): Promise<Response | undefined> {
    return await fetchThrough(this.#link().entrance, request, init, true)
  }

  /** Runs a request through the same pipeline without a socket. Resolves with the reply's head. */
  async inject(request: InjectedRequest = {}): Promise<InjectedReply> {
    return await inject(this.#link().entrance, request)
  }

  /** What would happen to a request, as plain data. Nothing runs and nothing is sent. */
  explain(request: InjectedRequest = {}): Explanation {
    const { entrance, definitions } = this.#link()
    return explain(entrance, definitions, request)
  }

  /** Exchanges under way. */
  get inFlight(): number {
    return this.#settings.inFlight.size
  }

  /** Tunnels that are open; each is an exchange under way as well. */
  get tunnels(): readonly Tunnel[] {
    return this.#settings.tunnels.list
  }

  /**
   * Closes the proxy: listeners accept nothing new, exchanges under way, tunnels included, get `drainMs` to end and are then
   * aborted, and the upstreams it forwards to are closed. Calling it again returns the same promise.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`, and closes nothing
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { drainMs } = strictOption(options, ['drainMs'], 'close')
    return (this.#closed ??= this.#close(durationOption(drainMs, 10_000, 'close.drainMs')))
  }

  async #close(drainMs: number): Promise<void> {
    this.#isClosing = true
    const listeners = this.#listeners.map((listener) => listener.close())
    const { clock, inFlight, tunnels } = this.#settings
    // First, so that at the end of its time a tunnel is ended in order before its exchange is aborted.
    const lastCall = tunnels.drain(clock, drainMs)
    await inFlight.drain(clock, drainMs)
    lastCall.cancel()
    for (const listener of this.#listeners) listener.destroy()
    await Promise.all(listeners)
    const upstreams = new Set(this.#routes.flatMap((route) => route.upstream ?? []))
    await Promise.all([...upstreams].map((upstream) => upstream.destroy()))
  }

  #services() {
    return { entrance: this.#link().entrance, isClosing: () => this.#isClosing }
  }

  #link(): LinkedProxy {
    return (this.#linked ??= this.#linkRoutes())
  }

  #linkRoutes(): LinkedProxy {
    if (this.#routes.length === 0)
      throw new ConfigError('routes', 'the proxy has no route: add one with route(), forward() or handle()')
    const definitions = new Map<LinkedRoute, RouteDefinition>()
    for (const definition of this.#routes) {
      const { name, match, handler } = definition
      definitions.set({ name, match, handler }, definition)
    }
    const noMatch =
      this.#noMatch ?? (() => problemReply(new DownstreamError('ERR_SLUICE_NO_ROUTE'), this.#settings.name))
    const router = new Router([...definitions.keys()])
    return { entrance: new Entrance(this.#settings, router, link(this.#scope.chain, noMatch)), definitions }
  }

  #assertOpen(): void {
    if (this.#linked !== undefined)
      throw new ConfigError('routes', 'the proxy is in use and can not be changed any more')
  }
}
