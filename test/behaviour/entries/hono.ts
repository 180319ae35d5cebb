/** Hono 4, on `@hono/node-server`. */
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { honoMiddleware } from '@sluice/adapters/hono'
import { Hono } from 'hono'
import { type Entry, NOT_FOUND } from '../entry.ts'
import { serve } from './served.ts'

export const inHono: Entry = {
  name: 'Hono',
  isMounted: true,
  async open(proxy) {
    const app = new Hono()
    app.use(honoMiddleware(proxy))
    app.notFound((c) => c.text(NOT_FOUND, 404))
    const { send, close } = await serve(createAdaptorServer({ fetch: app.fetch }) as Server)
    return {
      // A Response has no place for trailers.
      send: async (request, watch) => ({ ...(await send(request, watch)), trailers: undefined }),
      close,
    }
  },
}
