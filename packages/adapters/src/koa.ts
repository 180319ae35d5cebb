/** Mounts a proxy in Koa 3: `app.use(koaMiddleware(proxy))`. */
import type { NodeRequest, Proxy } from '@sluice/core'
import type { Middleware } from 'koa'

/** What body parsers leave on Koa's request. */
interface ParsedRequest {
  readonly body?: unknown
  /** The text before it was parsed. */
  readonly rawBody?: string
}

/**
 * Koa middleware. Resolves when the response is done, so middlewares around it can time it; what no route matches goes to
 * `next`.
 *
 * The reply is written to the response itself: what is set on `ctx.body` afterwards is ignored, fields set on `ctx` before
 * are sent along. Routes and `stripPrefix` see the whole path, also where the middleware is mounted under a prefix. A body
 * that a parser has read before (`ctx.request.rawBody`, else `ctx.request.body`) is written again.
 */
export function koaMiddleware(proxy: Pick<Proxy, 'nodeHandler'>): Middleware {
  const handler = proxy.nodeHandler()
  return async (ctx, next) => {
    // The client may have left while an earlier middleware was at work; then there is no `close` to come.
    if (ctx.res.destroyed) return
    const request: NodeRequest = ctx.req
    const { rawBody, body } = ctx.request as ParsedRequest
    request.originalUrl ??= ctx.originalUrl
    if ((rawBody ?? body) !== undefined) request.body = rawBody ?? body
    const closed = new Promise<void>((resolve) => void ctx.res.once('close', resolve))
    let isMatched = true
    handler(request, ctx.res, () => (isMatched = false))
    ctx.respond = !isMatched
    await (isMatched ? closed : next())
  }
}
