/** What a handler finds wrong with a request's body is the client's fault; with a reply's it is not. */
import { createProxy, createUpstream, type ProxyOptions, Reply } from '@sluice/core'
import { fakeUpstream } from '@sluice/testing'
import { expect, test } from 'vitest'

const quiet: ProxyOptions = { onError: () => {} }

test('a request body that is larger than a handler reads gets 413', async () => {
  const proxy = createProxy(quiet).handle(async (x) => Reply.text(await x.body.text({ maxBytes: 3 })))
  const reply = await proxy.inject({ method: 'POST', body: 'four' })
  expect(reply.status).toBe(413)
  expect(await reply.json()).toMatchObject({ code: 'ERR_SLUICE_BODY_TOO_LARGE' })
})

test('a request body that is not the JSON a handler reads gets 400', async () => {
  const proxy = createProxy(quiet).handle(async (x) => Reply.json(await x.body.json()))
  const reply = await proxy.inject({ method: 'POST', body: '{' })
  expect(reply.status).toBe(400)
  expect(await reply.json()).toMatchObject({ code: 'ERR_SLUICE_BODY_MALFORMED' })
})

test('a reply body that a middleware can not read is an error of the proxy', async () => {
  const { transport } = fakeUpstream(() => ({ body: '{' }))
  const upstream = createUpstream('a', { targets: ['http://127.0.0.1:1'], transport })
  const proxy = createProxy(quiet)
    .use(async (x, next) => Reply.json(await (await next(x)).body.json()))
    .forward(upstream)
  expect((await proxy.inject()).status).toBe(500)
})
