/** Mounts a proxy in Fastify 5: as a plugin with a route for everything, or as the handler of a route of one's own. */
import type { NodeRequest, Proxy } from '@sluice/core'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'

/** Options of {@link fastifyProxy}. */
export interface FastifyProxyOptions {
  readonly proxy: Pick<Proxy, 'nodeHandler'>
  /** Where Fastify hands requests over. The proxy's routes see the whole path all the same. @default everything */
  readonly prefix?: string
}

/**
 * A plugin: `app.register(fastifyProxy, { proxy, prefix: '/api' })`. Bodies stream unread, whatever parsers the
 * application has; its hooks run as for any route. What no route of the proxy matches gets Fastify's not-found handler, and
 * so do methods that the application did not know when it was registered (`app.addHttpMethod('PURGE')`). Upgrades are for
 * `app.server.on('upgrade', proxy.upgradeHandler())`.
 */
export const fastifyProxy: FastifyPluginCallback<FastifyProxyOptions> = (instance, { proxy }, done) => {
  const handler = fastifyHandler(proxy)
  // Parsers are encapsulated: this takes them from the proxy's route only.
  instance.removeAllContentTypeParsers()
  instance.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
  for (const url of instance.prefix === '' ? ['*'] : ['/', '/*']) instance.all(url, handler)
  done()
}

/**
 * A handler for a route of one's own. A body that Fastify's parsers have read is written again. Fields set on the reply
 * before are sent along, unless the proxy's reply has fields of the same name. What no route of the proxy matches gets
 * Fastify's not-found handler.
 */
export function fastifyHandler(
  proxy: Pick<Proxy, 'nodeHandler'>,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const handler = proxy.nodeHandler()
  return (request, reply) => {
    const raw: NodeRequest = request.raw
    if (request.body !== undefined) raw.body = request.body
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value)
    }
    let isMatched = true
    handler(raw, reply.raw, () => (isMatched = false))
    if (isMatched) reply.hijack()
    else reply.callNotFound()
  }
}
