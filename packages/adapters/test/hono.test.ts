import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { describe, expect, it } from 'vitest'
import { honoMiddleware } from '../src/hono.ts'
import { FORM_TYPE, JSON_TYPE, post, served, site } from './site.ts'

const listening = async (app: Hono) => await served(createAdaptorServer({ fetch: app.fetch }) as Server)

/** Reads a body before the proxy does. */
const reading =
  (read: (c: Parameters<MiddlewareHandler>[0]) => Promise<unknown>): MiddlewareHandler =>
  async (c, next) => {
    await read(c)
    await next()
  }

describe('honoMiddleware', () => {
  it('leaves what no route matches to whoever comes next', async () => {
    const { proxy, upstream } = await site()
    const app = new Hono().use(honoMiddleware(proxy)).get('/own', (c) => c.text('own'))
    const url = await listening(app)
    expect(await (await fetch(`${url}/own`)).text()).toBe('own')
    expect((await fetch(`${url}/neither`)).status).toBe(404)
    expect((await fetch(`${url}/api/1`)).status).toBe(200)
    expect(upstream.requests.map((request) => request.path)).toEqual(['/api/1'])
  })

  it('sees the whole path under a prefix, so stripPrefix is the same everywhere', async () => {
    const { proxy, upstream } = await site({ stripPrefix: '/api' })
    const mounted = new Hono().use(honoMiddleware(proxy))
    await fetch(`${await listening(new Hono().route('/api', mounted))}/api/users/1?x=1`)
    expect(upstream.requests[0]).toMatchObject({ path: '/users/1?x=1' })
    expect(upstream.requests[0]!.header('x-forwarded-prefix')).toBe('/api')
  })

  it('knows the client by the socket of @hono/node-server, and none where there is no socket', async () => {
    const { proxy, upstream } = await site()
    const app = new Hono().use(honoMiddleware(proxy))
    await fetch(`${await listening(app)}/api`)
    await app.request('/api')
    expect(upstream.requests.map((request) => request.header('x-forwarded-for'))).toEqual(['127.0.0.1', undefined])
  })

  it.each([
    ['json', JSON_TYPE, '{ "a": 1 }', reading((c) => c.req.json())],
    ['text', 'text/plain', 'grüße', reading((c) => c.req.text())],
    ['arrayBuffer', 'application/x-own', 'bytes', reading((c) => c.req.arrayBuffer())],
    ['blob', 'application/x-own', 'bytes', reading((c) => c.req.blob())],
    ['parseBody', FORM_TYPE, 'a=1&b=2+3', reading((c) => c.req.parseBody())],
  ])('forwards a body that c.req.%s() has read', async (_name, type, body, read) => {
    const { proxy, upstream } = await site()
    const app = new Hono().use(read).use(honoMiddleware(proxy))
    expect((await post(`${await listening(app)}/api`, type, body)).status).toBe(200)
    expect((await app.request('/api', { method: 'POST', headers: { 'Content-Type': type }, body })).status).toBe(200)
    expect(upstream.requests.map((request) => request.body.toString())).toEqual([body, body])
    expect(upstream.requests[0]!.header('content-type')).toBe(type)
    expect(upstream.requests[0]!.header('content-length')).toBe(String(Buffer.byteLength(body)))
  })

  it('forwards a form of which only the fields are left, with the boundary it is written with', async () => {
    const { proxy, upstream } = await site()
    const app = new Hono().use(reading((c) => c.req.formData())).use(honoMiddleware(proxy))
    const form = new FormData()
    form.set('name', 'välue')
    form.set('file', new File(['content'], 'a.txt', { type: 'text/plain' }))
    expect((await fetch(`${await listening(app)}/api`, { method: 'POST', body: form })).status).toBe(200)
    const request = upstream.requests[0]!
    const boundary = /^multipart\/form-data; ?boundary=(.+)$/.exec(request.header('content-type') ?? '')?.[1]
    const [before, name, file, after] = request.body.toString().split(`--${boundary}`)
    expect([before, after?.trim()]).toEqual(['', '--'])
    expect(name).toContain('name="name"\r\n\r\nvälue\r\n')
    expect(file).toContain('name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ncontent\r\n')
  })

  it('fails loudly where the body was read from the raw request', async () => {
    const { proxy, upstream } = await site()
    const app = new Hono().use(reading((c) => c.req.raw.text())).use(honoMiddleware(proxy))
    const reply = await post(`${await listening(app)}/api`, 'text/plain', 'gone')
    expect(reply.status).toBe(500)
    expect(await reply.json()).toMatchObject({ code: 'ERR_SLUICE_BODY_CONSUMED' })
    expect(upstream.requests).toEqual([])
  })

  it('sends fields along that were set before', async () => {
    const { proxy } = await site()
    const app = new Hono()
      .use(async (c, next) => {
        c.header('X-Before', 'yes')
        c.header('Content-Type', 'text/never')
        await next()
      })
      .use(honoMiddleware(proxy))
    const { headers } = await fetch(`${await listening(app)}/api`)
    expect(headers.get('x-before')).toBe('yes')
    expect(headers.get('content-type')).toBe('application/json')
  })

  it('aborts the exchange when the client leaves', async () => {
    const { proxy } = await site()
    const app = new Hono().use(honoMiddleware(proxy))
    const controller = new AbortController()
    controller.abort()
    await app.request('/api', { signal: controller.signal })
    await expect.poll(() => proxy.inFlight).toBe(0)
  })
})
