/** Mounts a proxy in Express 5, or in anything else that speaks Connect: `app.use(expressHandler(proxy))`. */
import type { NodeHandler, Proxy } from '@sluice/core'

/**
 * Express middleware. What no route matches goes to `next`.
 *
 * Routes and `stripPrefix` see the whole path, also under `app.use('/prefix', ...)`. A body that `express.json()`,
 * `urlencoded()`, `text()` or `raw()` has read before is written again; one that another parser took and that can't be
 * written again gets 500 `ERR_SLUICE_BODY_CONSUMED`. Fields set on the response before are sent along, unless the reply
 * has fields of the same name.
 */
export function expressHandler(proxy: Pick<Proxy, 'nodeHandler'>): NodeHandler {
  return proxy.nodeHandler()
}
