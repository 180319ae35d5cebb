import { createServer } from 'node:http'
import express, { type Express } from 'express'
import { describe, expect, it } from 'vitest'
import { expressHandler } from '../src/express.ts'
import { FORM_TYPE, JSON_TYPE, post, served, site } from './site.ts'

const listening = async (app: Express) => await served(createServer(app))

describe('expressHandler', () => {
  it('leaves what no route matches to whoever comes next', async () => {
    const { proxy, upstream } = await site()
    const app = express().use(expressHandler(proxy))
    app.get('/own', (_request, response) => void response.send('own'))
    const url = await listening(app)
    expect(await (await fetch(`${url}/own`)).text()).toBe('own')
    expect((await fetch(`${url}/neither`)).status).toBe(404)
    expect((await fetch(`${url}/api/1`)).status).toBe(200)
    expect(upstream.requests.map((request) => request.path)).toEqual(['/api/1'])
  })

  it('sees the whole path under a prefix, so stripPrefix is the same everywhere', async () => {
    const { proxy, upstream } = await site({ stripPrefix: '/api' })
    const url = await listening(express().use('/api', expressHandler(proxy)))
    await fetch(`${url}/api/users/1?x=1`)
    expect(upstream.requests[0]).toMatchObject({ path: '/users/1?x=1' })
    expect(upstream.requests[0]!.header('x-forwarded-prefix')).toBe('/api')
  })

  it.each([
    ['json', express.json(), JSON_TYPE, '{"a":[1,"ü"]}'],
    ['json, a value alone', express.json({ strict: false }), JSON_TYPE, '0'],
    ['urlencoded', express.urlencoded({ extended: false }), FORM_TYPE, 'a=1&b=2+3&b=4'],
    ['text', express.text(), 'text/plain', 'some text'],
    ['raw', express.raw({ type: '*/*' }), 'application/x-own', 'some bytes'],
  ])('forwards a body that express.%s() has read', async (_name, parser, type, body) => {
    const { proxy, upstream } = await site()
    const url = await listening(express().use(parser).use(expressHandler(proxy)))
    expect((await post(`${url}/api`, type, body)).status).toBe(200)
    expect(upstream.requests[0]!.body.toString()).toBe(body)
    expect(upstream.requests[0]!.header('content-length')).toBe(String(Buffer.byteLength(body)))
  })

  it('fails loudly where a body was read and not kept', async () => {
    const { proxy, upstream } = await site()
    const app = express()
      .use((request, _response, next) => void request.on('end', next).resume())
      .use(expressHandler(proxy))
    const reply = await post(`${await listening(app)}/api`, 'application/x-own', 'gone')
    expect(reply.status).toBe(500)
    expect(await reply.json()).toMatchObject({ code: 'ERR_SLUICE_BODY_CONSUMED' })
    expect(upstream.requests).toEqual([])
  })

  it('sends fields along that were set before', async () => {
    const { proxy } = await site()
    const app = express()
      .use((_request, response, next) => {
        response.set({ 'X-Before': 'yes', 'Content-Type': 'text/never' })
        next()
      })
      .use(expressHandler(proxy))
    const { headers } = await fetch(`${await listening(app)}/api`)
    expect(headers.get('x-before')).toBe('yes')
    expect(headers.get('content-type')).toBe('application/json')
  })
})
