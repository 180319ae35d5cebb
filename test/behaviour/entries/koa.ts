/** Koa 3. */
import { createServer } from 'node:http'
import { koaMiddleware } from '@sluice/adapters/koa'
import Koa from 'koa'
import { type Entry, NOT_FOUND } from '../entry.ts'
import { serve } from './served.ts'

export const inKoa: Entry = {
  name: 'Koa',
  isMounted: true,
  async open(proxy) {
    const app = new Koa()
    app.use(koaMiddleware(proxy))
    app.use((ctx) => {
      ctx.status = 404
      ctx.body = NOT_FOUND
    })
    return await serve(createServer(app.callback()))
  },
}
