/** Mounts a proxy in Hono 4, on any runtime that Hono and Node's built-in modules run on: `app.use(honoMiddleware(proxy))`. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { type Peer, peerOf, type Proxy } from '@sluice/core'
import type { HonoRequest, MiddlewareHandler } from 'hono'

/**
 * Hono middleware. What no route matches goes to `next`.
 *
 * The path is the one of the `Request`, in which dot segments are resolved already. A body that was read through
 * `c.req.json()`, `text()`, `parseBody()` and the like is sent again; one read from `c.req.raw` is gone, and gets 500
 * `ERR_SLUICE_BODY_CONSUMED`. The client's address is known under `@hono/node-server`, which leaves its socket in `c.env`. Fields set
 * with `c.header()` before are sent along, unless the reply has fields of the same name.
 */
export function honoMiddleware(proxy: Pick<Proxy, 'fetchMatched'>): MiddlewareHandler {
  return async (c, next) => {
    const incoming = incomingIn(c.env)
    const peer = incoming?.socket === undefined ? {} : peerOf(incoming.socket)
    // The server makes a stream of what has no body too; sent on as it is, it would be one of unknown length.
    const body = incoming !== undefined && isBodyless(incoming) ? '' : undefined
    const reply = c.req.raw.bodyUsed
      ? await proxy.fetchMatched(...(await readBefore(c.req, peer)))
      : await proxy.fetchMatched(c.req.raw, body === undefined ? { peer } : { peer, body })
    if (reply === undefined) return await next()
    // By way of the context, which knows the fields that were set with `c.header()` before.
    return c.newResponse(reply.body, reply)
  }
}

/** The request once more, with the body from Hono's cache. */
async function readBefore(req: HonoRequest, peer: Partial<Peer>): Promise<Parameters<Proxy['fetchMatched']>> {
  const cached = Object.keys(req.bodyCache)
  if (cached.length === 0) return [req.raw, { peer }]
  if (cached[0] !== 'formData') return [req.raw, { peer, body: new Uint8Array(await req.arrayBuffer()) }]
  // Of a form only its fields are left. Written again it has another boundary, and so another Content-Type.
  const form = await req.blob()
  const headers = new Headers(req.raw.headers)
  headers.set('Content-Type', form.type)
  const request = new Request(req.url, { method: req.method, headers, signal: req.raw.signal })
  return [request, { peer, body: new Uint8Array(await form.arrayBuffer()) }]
}

/** What `@hono/node-server` leaves in the environment. */
interface Incoming {
  readonly socket?: Socket
  readonly httpVersionMajor?: number
  readonly headers?: IncomingHttpHeaders
}

function incomingIn(env: unknown): Incoming | undefined {
  return ((env ?? {}) as { readonly incoming?: Incoming }).incoming
}

/** A message of HTTP/1.1 has a body where one of these says so (RFC 9112, section 6.3). */
function isBodyless({ httpVersionMajor, headers }: Incoming): boolean {
  if (httpVersionMajor !== 1 || headers === undefined) return false
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
}
