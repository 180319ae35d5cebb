import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createSecureServer, createServer, type Http2SecureServer } from 'node:http2'
import { request as requestTls } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { listenUpstream, type RecordedRequest, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createProxy, createUpstream, type NodeHandler, Reply } from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'
import { ask, connectTo } from './http2-client.ts'

type Listening = { readonly address: { readonly url: string; readonly port: number; readonly host: string } }

async function serve(server: Server, scheme: 'http' | 'https'): Promise<Listening> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { address: { url: `${scheme}://127.0.0.1:${port}`, port, host: '127.0.0.1' } }
}

/** What `node:http2` calls a request listener takes the same arguments. */
function asListener(handler: NodeHandler): Parameters<typeof createServer>[1] {
  return handler as never
}

describe('nodeHandler() in a server of node:http2', () => {
  async function open() {
    const requests: RecordedRequest[] = []
    const target = await listenUpstream((request) => {
      requests.push(request)
      return { headers: { 'X-From': 'target' }, body: ['one', 'two'], trailers: { 'X-Sum': '42' } }
    })
    onTestFinished(async () => await target.close())
    const proxy = createProxy()
      .route({ path: '/tls' }, (r) => r.handle(({ client }) => Reply.json({ ...client.tls, scheme: client.scheme })))
      .route({ path: '/api/*' }, (r) => r.forward(createUpstream('u', { targets: [target.url] })))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    return { proxy, requests }
  }

  it('serves HTTP/2 and HTTP/1.1 of one that allows both', async () => {
    const { proxy, requests } = await open()
    const server: Http2SecureServer = createSecureServer(
      { ...LOCALHOST, allowHTTP1: true },
      asListener(proxy.nodeHandler()),
    )
    const listening = await serve(server, 'https')
    const session = await connectTo(listening)
    const reply = await ask(session, { ':method': 'POST', ':path': '/api/1?q', cookie: ['a=1', 'b=2'] }, 'con', 'tent')
    expect(reply).toMatchObject({
      status: 200,
      isWhole: true,
      fields: { 'x-from': 'target' },
      trailers: { 'x-sum': '42' },
    })
    expect(reply.body.toString()).toBe('onetwo')
    expect(requests[0]).toMatchObject({ method: 'POST', path: '/api/1?q' })
    expect(requests[0]!.body.toString()).toBe('content')
    expect(requests[0]!.header('cookie')).toBe('a=1; b=2')
    expect(requests[0]!.header('via')).toBe('2.0 sluice')
    expect(JSON.parse((await ask(session, { ':path': '/tls' })).body.toString())).toMatchObject({
      scheme: 'https',
      protocol: 'TLSv1.3',
    })
    const over1 = requestTls({
      port: listening.address.port,
      path: '/api/2',
      ca: LOCALHOST.cert,
      servername: 'localhost',
    })
    const [response] = (await once(over1.end(), 'response')) as [IncomingMessage]
    expect([response.httpVersion, response.statusCode]).toEqual(['1.1', 200])
    response.resume()
    await waitFor(() => proxy.inFlight === 0)
  })

  it('leaves what no route matches to what comes next, and answers it where nothing does', async () => {
    const { proxy } = await open()
    const handler = proxy.nodeHandler()
    const mounted = createServer((request, response) =>
      handler(request as never, response as never, () => response.writeHead(404).end('next')),
    )
    const session = await connectTo(await serve(mounted, 'http'))
    expect((await ask(session, { ':path': '/none' })).body.toString()).toBe('next')
    expect((await ask(session, { ':path': '/api/1' })).body.toString()).toBe('onetwo')
    const alone = await connectTo(await serve(createServer(asListener(handler)), 'http'))
    expect((await ask(alone, { ':path': '/none' })).body.toString()).toContain('ERR_SLUICE_NO_ROUTE')
  })

  it('keeps what other middlewares have set, and tells them the truth', async () => {
    const { proxy } = await open()
    const handler = proxy.nodeHandler()
    const seen: unknown[] = []
    const server = createServer((request, response) => {
      response.setHeader('X-Before', ['1', '2'])
      response.setHeader('X-From', 'a middleware')
      response.on('finish', () => seen.push(response.statusCode))
      handler(request as never, response as never)
    })
    const session = await connectTo(await serve(server, 'http'))
    const reply = await ask(session, { ':path': '/api/1' })
    expect(reply.fields).toMatchObject({ 'x-before': '1, 2', 'x-from': 'target' })
    await ask(session, { ':path': '/none' })
    await waitFor(() => seen.length === 2)
    expect(seen).toEqual([200, 404])
  })

  it('forwards a body that a parser has read', async () => {
    const { proxy, requests } = await open()
    const handler = proxy.nodeHandler()
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        Object.assign(request, { body: JSON.parse(Buffer.concat(chunks).toString()) })
        handler(request as never, response as never)
      })
    })
    const session = await connectTo(await serve(server, 'http'))
    const head = { ':method': 'POST', ':path': '/api/1', 'content-type': 'application/json' }
    expect((await ask(session, head, '{ "a": 1 }')).status).toBe(200)
    expect(requests[0]!.body.toString()).toBe('{"a":1}')
  })

  it('survives a client that resets its stream with an error', async () => {
    const { proxy } = await open()
    const waiting = createProxy().handle(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return Reply.empty(204)
    })
    onTestFinished(async () => await waiting.close({ drainMs: 0 }))
    const session = await connectTo(await serve(createServer(asListener(waiting.nodeHandler())), 'http'))
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    await waitFor(() => waiting.inFlight === 1)
    stream.close(2)
    await waitFor(() => waiting.inFlight === 0)
    expect(proxy.inFlight).toBe(0)
  })
})
