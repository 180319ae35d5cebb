/**
 * A gateway in an Express app. What no route matches goes on to the app, and a body that `express.json()` has read is
 * written again for the upstream.
 *
 *     node examples/express-mount.ts
 *     curl http://localhost:8080/                                                                      # 200
 *     curl -H 'Content-Type: application/json' -d '{"name":"Ada"}' 'http://localhost:8080/api/users'   # 201
 *     curl -i http://localhost:8080/elsewhere                                                          # 404
 */
import { expressHandler } from '@sluice/adapters/express'
import { createProxy, createUpstream, Reply } from '@sluice/core'
import express from 'express'

// A target: it says which path it was asked for, and what it got.
const target = await createProxy()
  .handle(async ({ request }) => Reply.json({ path: request.path, got: await request.body.json() }, { status: 201 }))
  .listen()

const users = createUpstream('users', { targets: [target.address.url] })
const proxy = createProxy().route({ path: '/api/*' }, (route) => route.forward(users, { stripPrefix: '/api' }))

const app = express()
app.use(express.json())
app.use(expressHandler(proxy))
app.get('/', (_request, response) => {
  response.send('the app itself\n')
})

const server = app.listen(Number(process.env.PORT ?? 8080), () => {
  const address = server.address()
  if (address === null || typeof address === 'string') return
  console.log(`listening on http://localhost:${address.port}`)
})
// WebSocket and the like do not come as requests, but as this event of the server.
server.on('upgrade', proxy.upgradeHandler())
