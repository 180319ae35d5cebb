import { fastify, type FastifyInstance } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fastifyHandler, fastifyProxy } from '../src/fastify.ts'
import { FORM_TYPE, JSON_TYPE, post, site } from './site.ts'

async function listening(app: FastifyInstance): Promise<string> {
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  return await app.listen({ host: '127.0.0.1', port: 0 })
}

describe('fastifyProxy', () => {
  it('leaves what no route matches to the not-found handler', async () => {
    const { proxy, upstream } = await site()
    const app = fastify()
    app.get('/own', () => 'own')
    app.setNotFoundHandler((_request, reply) => void reply.code(404).send('nothing here'))
    await app.register(fastifyProxy, { proxy })
    const url = await listening(app)
    expect(await (await fetch(`${url}/own`)).text()).toBe('own')
    const neither = await post(`${url}/neither`, JSON_TYPE, '{}')
    expect([neither.status, await neither.text()]).toEqual([404, 'nothing here'])
    expect((await fetch(`${url}/api/1`)).status).toBe(200)
    expect(upstream.requests.map((request) => request.path)).toEqual(['/api/1'])
  })

  it('sees the whole path under a prefix, and the prefix itself', async () => {
    const { proxy, upstream } = await site({ stripPrefix: '/api' })
    const app = fastify()
    await app.register(fastifyProxy, { proxy, prefix: '/api' })
    const url = await listening(app)
    for (const path of ['/api', '/api/', '/api/users/1?x=1', '/apis', '/']) await fetch(url + path)
    expect(upstream.requests.map(({ path }) => path)).toEqual(['/', '/', '/users/1?x=1'])
    expect(upstream.requests[2]!.header('x-forwarded-prefix')).toBe('/api')
  })

  it('lets bodies stream unread, and leaves the parsers of others alone', async () => {
    const { proxy, upstream } = await site()
    const app = fastify({ bodyLimit: 10 })
    await app.register(fastifyProxy, { proxy, prefix: '/api' })
    app.post('/own', (request) => ({ got: request.body }))
    const url = await listening(app)
    const notJson = `{"open": ${'x'.repeat(100)}`
    expect((await post(`${url}/api`, JSON_TYPE, notJson)).status).toBe(200)
    expect((await post(`${url}/api`, 'application/x-unknown', 'bytes')).status).toBe(200)
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual([notJson, 'bytes'])
    expect(await (await post(`${url}/own`, JSON_TYPE, '{"a":1}')).json()).toEqual({ got: { a: 1 } })
  })

  it('runs the hooks of the application before it, and those of the end behind it', async () => {
    const { proxy, upstream } = await site()
    const statuses: number[] = []
    const app = fastify()
    app.addHook('preHandler', async (request, reply) => {
      reply.header('X-Before', 'yes')
      if (request.headers.authorization === undefined) await reply.code(401).send('who are you?')
    })
    app.addHook('onResponse', async (_request, reply) => void statuses.push(reply.statusCode))
    await app.register(fastifyProxy, { proxy })
    const url = await listening(app)
    expect((await fetch(`${url}/api`)).status).toBe(401)
    const admitted = await fetch(`${url}/api`, { headers: { Authorization: 'Basic eA==' } })
    expect([admitted.status, admitted.headers.get('x-before')]).toEqual([200, 'yes'])
    expect(upstream.requests).toHaveLength(1)
    await expect.poll(() => statuses).toEqual([401, 200])
  })
})

describe('fastifyHandler', () => {
  it('forwards a body that Fastify has parsed', async () => {
    const { proxy, upstream } = await site()
    const app = fastify()
    app.addContentTypeParser(FORM_TYPE, { parseAs: 'string' }, (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(body.toString())))
    })
    app.post('/api/*', fastifyHandler(proxy))
    const url = await listening(app)
    await post(`${url}/api/1`, JSON_TYPE, '{ "a": [1, null] }')
    await post(`${url}/api/2`, FORM_TYPE, 'a=1&b=2+3')
    await post(`${url}/api/3`, JSON_TYPE, 'null')
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual(['{"a":[1,null]}', 'a=1&b=2+3', 'null'])
    expect(upstream.requests[0]!.header('content-length')).toBe('14')
  })

  it('leaves what no route matches to the not-found handler', async () => {
    const { proxy } = await site()
    const app = fastify()
    app.get('/elsewhere', fastifyHandler(proxy))
    expect((await fetch(`${await listening(app)}/elsewhere`)).status).toBe(404)
  })
})
