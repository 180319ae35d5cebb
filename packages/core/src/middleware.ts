/**
 * The one shape of everything that stands in a chain, after Finagle's filters and tower's layers: take an exchange, call
 * `next` as often as it takes (retry: several times; a refusal: not at all), return a reply.
 */
import type { Exchange } from './exchange.ts'
import type { Reply } from './reply.ts'

/** Answers an exchange. */
export type Handler<in S = unknown> = (exchange: Exchange<S>) => Reply | Promise<Reply>

/**
 * A handler that can call back as well: behind it a route without middlewares needs no promise, which is a good part of
 * what such a route costs.
 */
export interface DirectHandler extends Handler {
  /** Calls exactly one of the two, once. */
  direct(exchange: Exchange, resolve: (reply: Reply) => void, reject: (error: unknown) => void): void
}

/**
 * A link of a chain. `Needs` is the state that must have been set before it, `Adds` what is set when it calls `next`.
 *
 * One that needs no waiting returns `next(exchange)`; one that waits writes `return await next(exchange)`, so that stack
 * traces stay whole.
 */
export interface Middleware<in Needs = unknown, out Adds = unknown> {
  (exchange: Exchange<Needs>, next: Handler<Adds>): Reply | Promise<Reply>
}

/** Names a middleware for `explain()`, metrics and logs; an arrow function in an options object has no name of its own. */
export function defineMiddleware<Needs = unknown, Adds = unknown>(
  name: string,
  middleware: Middleware<Needs, Adds>,
): Middleware<Needs, Adds> {
  return Object.defineProperty(middleware, 'name', { value: name, configurable: true })
}

/** A chain with what each link needs and adds forgotten: the builder has checked it. */
export type LinkedMiddleware = Middleware<never>

/** Links a chain once, when it is built: per request there is no loop, no index and no allocation. */
export function link(chain: readonly LinkedMiddleware[], terminal: Handler): Handler {
  return chain.reduceRight<Handler>((next, middleware) => {
    const linked = middleware as Middleware
    return (exchange) => linked(exchange, next)
  }, terminal)
}
