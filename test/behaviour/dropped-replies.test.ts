/** A reply that a middleware drops must not hold its connection: nobody else would ever free it. */
import { createProxy, createUpstream, Reply, type Middleware } from '@sluice/core'
import { listenUpstream, waitFor } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'

const throwing: Middleware = async (x, next) => {
  await next(x)
  throw new Error('after the reply has come')
}
const replacing: Middleware = async (x, next) => {
  await next(x)
  return Reply.text('another')
}
const asking: Middleware = async (x, next) => {
  await next(x)
  return await next(x)
}

it.each([
  ['throws behind it', throwing, 500],
  ['answers with another', replacing, 200],
  ['asks once more', asking, 200],
])('frees the connection of a reply when a middleware %s', async (_name, middleware, status) => {
  const listening = await listenUpstream(() => ({ body: Buffer.alloc(4_000_000) }))
  const upstream = createUpstream('large', { targets: [listening.url] })
  const proxy = createProxy({ onError: () => {} })
    .use(middleware)
    .forward(upstream)
  onTestFinished(async () => {
    await proxy.close()
    await listening.close()
  })
  const reply = await proxy.inject()
  expect(reply.status).toBe(status)
  await reply.body.bytes({ maxBytes: 5_000_000 })
  await waitFor(() => upstream.targets[0]!.active === 0, { what: 'the target to be free' })
  expect(proxy.inFlight).toBe(0)
})
