/** Fastify 5. */
import { fastifyProxy } from '@sluice/adapters/fastify'
import { fastify } from 'fastify'
import { type Entry, NOT_FOUND } from '../entry.ts'
import { serve } from './served.ts'

export const inFastify: Entry = {
  name: 'Fastify',
  isMounted: true,
  async open(proxy) {
    const app = fastify()
    app.setNotFoundHandler(async (_request, reply) => await reply.code(404).send(NOT_FOUND))
    await app.register(fastifyProxy, { proxy })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { send } = await serve(app.server)
    return {
      send,
      async close() {
        app.server.closeAllConnections()
        await app.close()
      },
    }
  },
}
