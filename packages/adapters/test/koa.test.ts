import { createServer } from 'node:http'
import { rawClient, waitFor } from '@sluice/testing'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import { koaMiddleware } from '../src/koa.ts'
import { JSON_TYPE, post, served, site } from './site.ts'

const listening = async (app: Koa) => await served(createServer(app.callback()))

/** A body parser as they are for Koa. */
const parser =
  (keepsRaw: boolean): Koa.Middleware =>
  async (ctx, next) => {
    const rawBody = Buffer.concat(await ctx.req.toArray()).toString()
    Object.assign(ctx.request, { body: JSON.parse(rawBody) }, keepsRaw ? { rawBody } : {})
    await next()
  }

/** Takes the prefix off, as a mount does. */
const mountedAtApi: Koa.Middleware = async (ctx, next) => {
  ctx.url = ctx.url.slice('/api'.length)
  await next()
}

describe('koaMiddleware', () => {
  it('leaves what no route matches to whoever comes next', async () => {
    const { proxy, upstream } = await site()
    const app = new Koa().use(koaMiddleware(proxy)).use((ctx) => {
      if (ctx.path === '/own') ctx.body = 'own'
    })
    const url = await listening(app)
    expect(await (await fetch(`${url}/own`)).text()).toBe('own')
    expect((await fetch(`${url}/neither`)).status).toBe(404)
    expect((await fetch(`${url}/api/1`)).status).toBe(200)
    expect(upstream.requests.map((request) => request.path)).toEqual(['/api/1'])
  })

  it('sees the whole path where a mount has taken a prefix off it', async () => {
    const { proxy, upstream } = await site({ stripPrefix: '/api' })
    const url = await listening(new Koa().use(mountedAtApi).use(koaMiddleware(proxy)))
    await fetch(`${url}/api/users/1?x=1`)
    expect(upstream.requests[0]).toMatchObject({ path: '/users/1?x=1' })
    expect(upstream.requests[0]!.header('x-forwarded-prefix')).toBe('/api')
  })

  it('forwards a parsed body as it was, or written again', async () => {
    const { proxy, upstream } = await site()
    const spaced = '{ "a" : 1 }'
    await post(`${await listening(new Koa().use(parser(true)).use(koaMiddleware(proxy)))}/api`, JSON_TYPE, spaced)
    await post(`${await listening(new Koa().use(parser(false)).use(koaMiddleware(proxy)))}/api`, JSON_TYPE, spaced)
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual([spaced, '{"a":1}'])
  })

  it('resolves when the response is done, and nothing responds twice', async () => {
    const { proxy } = await site()
    const seen: unknown[] = []
    const errors: unknown[] = []
    const app = new Koa()
    app.on('error', (error) => errors.push(error))
    app.use(async (ctx, next) => {
      await next()
      seen.push(ctx.res.writableFinished, ctx.status, ctx.respond)
      ctx.body = 'too late'
    })
    const reply = await fetch(`${await listening(app.use(koaMiddleware(proxy)))}/api`)
    expect(await reply.json()).toMatchObject({ path: '/api' })
    await waitFor(() => seen.length > 0)
    expect(seen).toEqual([true, 200, false])
    expect(errors).toEqual([])
  })

  it('comes back when the client left before its turn', async () => {
    const { proxy, upstream } = await site()
    let isDone = false
    const app = new Koa()
    app.silent = true
    app.use(async (ctx, next) => {
      await new Promise((resolve) => ctx.res.once('close', resolve))
      await next()
      isDone = true
    })
    const url = new URL(await listening(app.use(koaMiddleware(proxy))))
    const client = await rawClient({ port: Number(url.port) })
    client.write('GET /api HTTP/1.1\r\nHost: a\r\n\r\n')
    client.reset()
    await waitFor(() => isDone)
    expect(proxy.inFlight).toBe(0)
    expect(upstream.requests).toEqual([])
  })
})
