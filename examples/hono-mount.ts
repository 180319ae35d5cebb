/**
 * A gateway in a Hono app, by way of Fetch: a proxy is also a function from `Request` to `Response`. What no route matches
 * goes on to the app.
 *
 *     node examples/hono-mount.ts
 *     curl http://localhost:8080/              # 200
 *     curl http://localhost:8080/users/1       # 200
 *     curl -i http://localhost:8080/elsewhere  # 404
 */
import { serve } from '@hono/node-server'
import { honoMiddleware } from '@sluice/adapters/hono'
import { createProxy, createUpstream, Reply } from '@sluice/core'
import { Hono } from 'hono'

const target = await createProxy()
  .handle(({ request }) => Reply.text(`this is ${request.path}\n`))
  .listen()
const users = createUpstream('users', { targets: [target.address.url] })
const proxy = createProxy().route({ path: '/users/*' }, (route) => route.forward(users))

const app = new Hono()
app.use(honoMiddleware(proxy))
app.get('/', (c) => c.text('the app itself\n'))

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8080) }, ({ port }) => {
  console.log(`listening on http://localhost:${port}`)
})
