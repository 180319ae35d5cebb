import { once } from 'node:events'
import { type ClientHttp2Session, constants } from 'node:http2'
import { hostileUpstream, listenUpstream, type RecordedRequest, type UpstreamHandler, waitFor } from '@sluice/testing'
import { Body, type BodySource } from '@sluice/wire'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createProxy,
  createUpstream,
  type ExchangeEnded,
  exchangeEnded,
  type ListenOptions,
  type Listener,
  Reply,
} from '../../src/index.ts'
import { ask, connectTo, OVER_TLS, replyOn, WAYS } from './http2-client.ts'
import { ERROR, fields, FLAG, frame, RawHttp2, reset, TYPE } from './raw-frames.ts'

type OpenProxy = Pick<ReturnType<typeof createProxy>, 'close' | 'inFlight' | 'listen'>

async function listen(proxy: OpenProxy, options: ListenOptions): Promise<Listener> {
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  return await proxy.listen(options)
}

async function inFrontOf(handler: UpstreamHandler, options: ListenOptions = OVER_TLS.options()) {
  const requests: RecordedRequest[] = []
  const target = await listenUpstream((request) => (requests.push(request), handler(request)))
  onTestFinished(async () => await target.close())
  const proxy = createProxy().forward(createUpstream('u', { targets: [target.url] }))
  return { proxy, requests, listener: await listen(proxy, options) }
}

describe.each(WAYS)('$name', ({ options }) => {
  it('serves a request, and its connection goes on', async () => {
    const { listener, requests, proxy } = await inFrontOf(() => ({ body: 'hello', headers: { 'X-A': '1' } }), options())
    const session = await connectTo(listener)
    for (const path of ['/1?a', '/2']) {
      const reply = await ask(session, { ':path': path, 'x-b': '2', priority: 'u=1, i' })
      expect(reply).toMatchObject({ status: 200, isWhole: true, fields: { 'x-a': '1', 'content-length': '5' } })
      expect(reply.body.toString()).toBe('hello')
    }
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /1?a', 'GET /2'])
    expect(requests[0]!.header('x-b')).toBe('2')
    expect(requests[0]!.header('priority')).toBe('u=1, i')
    expect(requests[0]!.header('via')).toBe('2.0 sluice')
    expect(requests[0]!.header('host')).toBe(`localhost:${listener.address.port}`)
    await waitFor(() => proxy.inFlight === 0)
    expect(listener.connections).toBe(1)
  })

  it('carries a large body either way, whole', async () => {
    const sent = Buffer.alloc(3_000_000, 'abcdefgh')
    const { listener } = await inFrontOf(
      ({ body }) => ({ body: [body.subarray(0, 1_000_000), body.subarray(1_000_000)] }),
      options(),
    )
    const ended: ExchangeEnded[] = []
    const listen = (event: ExchangeEnded): void => void ended.push(event)
    exchangeEnded.subscribe(listen)
    onTestFinished(() => exchangeEnded.unsubscribe(listen))
    const reply = await ask(await connectTo(listener), { ':method': 'POST' }, sent.subarray(0, 7), sent.subarray(7))
    expect(reply.isWhole).toBe(true)
    expect(reply.body.equals(sent)).toBe(true)
    await waitFor(() => ended.length === 1)
    expect(ended[0]).toMatchObject({ error: undefined, bodyBytes: sent.byteLength })
  })

  it('serves many requests of one connection side by side', async () => {
    const { listener } = await inFrontOf(({ path }) => ({ body: path }), options())
    const session = await connectTo(listener)
    const paths = Array.from({ length: 60 }, (_, index) => `/${index}`)
    const replies = await Promise.all(paths.map(async (path) => await ask(session, { ':path': path })))
    expect(replies.map((reply) => reply.body.toString())).toEqual(paths)
  })

  it('refuses none of as many as there may be at once, again and again', async () => {
    const { listener } = await inFrontOf(() => ({ body: 'x'.repeat(2_000) }), options())
    const sessions = await Promise.all(Array.from({ length: 4 }, async () => await connectTo(listener)))
    const refused: number[] = []
    const askOften = async (session: ClientHttp2Session): Promise<void> => {
      for (let i = 0; i < 4; i++) {
        const { status, rstCode } = await ask(session)
        if (status !== 200) refused.push(rstCode)
      }
    }
    await Promise.all(sessions.flatMap((session) => Array.from({ length: 100 }, async () => await askOften(session))))
    expect(refused).toEqual([])
  })

  it('serves HTTP/1.1 beside it', async () => {
    const { listener } = await inFrontOf(() => ({ body: 'hello' }), options())
    const { protocol } = new URL(listener.address.url)
    const { request } = protocol === 'https:' ? await import('node:https') : await import('node:http')
    const reply = request({ port: listener.address.port, rejectUnauthorized: false }).end()
    const [incoming] = (await once(reply, 'response')) as [import('node:http').IncomingMessage]
    expect([incoming.httpVersion, incoming.statusCode]).toEqual(['1.1', 200])
    incoming.resume()
  })
})

describe('a request of HTTP/2', () => {
  it('has one cookie field upstream, whatever it was sent as', async () => {
    const { listener, requests } = await inFrontOf(() => ({}))
    await ask(await connectTo(listener), { cookie: ['a=1', 'b=2', 'c=3'] })
    expect(requests[0]!.headers.filter(([name]) => name.toLowerCase() === 'cookie')).toEqual([
      ['cookie', 'a=1; b=2; c=3'],
    ])
  })

  it('is seen by middlewares as any other', async () => {
    const proxy = createProxy().handle((x) =>
      Reply.json({
        version: x.received.httpVersion,
        authority: x.request.authority,
        host: x.request.headers.get('host'),
        scheme: x.client.scheme,
        cipher: x.client.tls?.cipher !== undefined,
      }),
    )
    const listener = await listen(proxy, OVER_TLS.options())
    const reply = await ask(await connectTo(listener), { ':authority': 'example.com:8443' })
    expect(JSON.parse(reply.body.toString())).toEqual({
      version: '2.0',
      authority: 'example.com:8443',
      host: 'example.com:8443',
      scheme: 'https',
      cipher: true,
    })
  })

  it('brings its trailers along', async () => {
    const proxy = createProxy().handle(async ({ body }) => {
      const { promise, resolve } = Promise.withResolvers<unknown>()
      let text = ''
      body.pipe({
        begin() {},
        write: (chunk) => ((text += Buffer.from(chunk).toString()), true),
        end: (trailers) => resolve({ text, trailers: trailers?.toJSON() }),
        abort: resolve,
      })
      return Reply.json(await promise)
    })
    const session = await connectTo(await listen(proxy, OVER_TLS.options()))
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }))
    stream.end('content')
    const reply = await replyOn(stream)
    expect(JSON.parse(reply.body.toString())).toEqual({ text: 'content', trailers: { 'x-sum': '42' } })
  })

  it('is refused where Host is not the authority', async () => {
    const { listener, requests } = await inFrontOf(() => ({}))
    const session = await connectTo(listener)
    const same = await ask(session, { ':authority': 'A.test', host: 'a.TEST' })
    expect(same.status).toBe(200)
    expect(requests[0]!.headers.filter(([name]) => name.toLowerCase() === 'host')).toHaveLength(1)
    const other = await ask(session, { ':authority': 'a.test', host: 'b.test' })
    expect(other.status).toBe(400)
    expect(JSON.parse(other.body.toString())).toMatchObject({ code: 'ERR_SLUICE_BAD_HOST' })
    expect(requests).toHaveLength(1)
  })

  it('may be CONNECT for a WebSocket alone', async () => {
    const { listener, requests } = await inFrontOf(() => ({}))
    const session = await connectTo(listener)
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'a.test:443' })
    expect((await replyOn(stream)).status).toBe(405)
    const other = (await connectTo(listener)).request({
      ':method': 'CONNECT',
      ':protocol': 'connect-udp',
      ':path': '/',
    })
    expect((await replyOn(other)).status).toBe(405)
    expect(requests).toHaveLength(0)
  })

  it('gets 431 for more fields, or larger ones, than are allowed', async () => {
    const { listener, requests } = await inFrontOf(() => ({}), {
      ...OVER_TLS.options(),
      maxHeaderBytes: 1_000,
      maxHeaderCount: 10,
    })
    const large = await ask(await connectTo(listener), { 'x-large': 'x'.repeat(1_200) })
    expect([large.status, JSON.parse(large.body.toString()).code]).toEqual([431, 'ERR_SLUICE_HEADERS_TOO_LARGE'])
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`x-${index}`, '']))
    expect((await ask(await connectTo(listener), many)).status).toBe(431)
    const cookies = Array.from({ length: 40 }, (_, index) => `c${index}=1`)
    expect((await ask(await connectTo(listener), { cookie: cookies })).status).toBe(200)
    expect(requests).toHaveLength(1)
  })

  it('is asked for its body only where somebody reads it', async () => {
    const reads = createProxy()
      .route({ path: '/read' }, (r) => r.handle(async ({ body }) => Reply.text(await body.text())))
      .handle(() => Reply.text('not wanted', { status: 403 }))
    const session = await connectTo(await listen(reads, OVER_TLS.options()))
    const stream = session.request({ ':method': 'POST', ':path': '/read', expect: '100-continue' })
    const wanted = replyOn(stream)
    await once(stream, 'continue')
    stream.end('content')
    expect((await wanted).body.toString()).toBe('content')
    const refused = await ask(session, { ':method': 'POST', ':path': '/no', expect: '100-continue' }, 'content')
    expect([refused.informational, refused.status]).toEqual([[], 403])
  })

  it('gives up the exchange when its client resets it', async () => {
    const { listener, proxy, requests } = await inFrontOf(() => ({ hang: true }))
    const session = await connectTo(listener)
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    await waitFor(() => requests.length === 1)
    expect(proxy.inFlight).toBe(1)
    stream.close(constants.NGHTTP2_CANCEL)
    await waitFor(() => proxy.inFlight === 0, { what: 'the exchange to end' })
    expect((await ask(session, { ':path': '/missing', ':method': 'TRACE', 'max-forwards': '0' })).status).toBe(200)
  })

  it('gives up the exchange when its client goes, by FIN and by RST', async () => {
    for (const leave of ['end', 'resetAndDestroy'] as const) {
      const { listener, proxy, requests } = await inFrontOf(() => ({ hang: true }), WAYS[1]!.options())
      const sockets: import('node:net').Socket[] = []
      const { connect } = await import('node:net')
      const session = await connectTo(listener, {
        createConnection: () => (sockets.push(connect(listener.address.port, '127.0.0.1')), sockets[0]!),
      })
      session.request({ ':path': '/' }).on('error', () => {})
      await waitFor(() => requests.length === 1)
      sockets[0]![leave]()
      await waitFor(() => proxy.inFlight === 0 && listener.connections === 0, { what: 'everything to end' })
    }
  })

  it.each([ERROR.CANCEL, ERROR.NO_ERROR])('whose body breaks off by %i is no whole request upstream', async (code) => {
    const { listener, proxy, requests } = await inFrontOf(() => ({}))
    const client = await RawHttp2.open(listener)
    const head = fields([
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', 'a.test'],
      [':path', '/'],
    ])
    client.write(frame(TYPE.HEADERS, FLAG.END_HEADERS, 1, head), frame(TYPE.DATA, 0, 1, 'half of it'))
    await waitFor(() => proxy.inFlight === 1)
    client.write(reset(1, code))
    await waitFor(() => proxy.inFlight === 0, { what: 'the exchange to end' })
    expect(requests).toEqual([])
  })
})

describe('a reply over HTTP/2', () => {
  it('has trailers, 1xx before it, and every Set-Cookie', async () => {
    const { listener } = await inFrontOf(() => ({
      informational: [{ status: 103, headers: { Link: '</a.css>; rel=preload' } }],
      headers: [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['Trailer', 'X-Sum'],
      ],
      body: ['one', 'two'],
      trailers: { 'X-Sum': '42' },
    }))
    const reply = await ask(await connectTo(listener))
    expect(reply).toMatchObject({ status: 200, isWhole: true, trailers: { 'x-sum': '42' } })
    expect(reply.informational).toMatchObject([{ ':status': 103, link: '</a.css>; rel=preload' }])
    expect(reply.fields['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(reply.body.toString()).toBe('onetwo')
  })

  it('has no body where there is none: HEAD, 204, 304', async () => {
    const { listener } = await inFrontOf(({ path, method }) =>
      method === 'HEAD' ? { headers: { 'Content-Length': '1000' } } : { status: Number(path.slice(1)) },
    )
    const session = await connectTo(listener)
    const head = await ask(session, { ':method': 'HEAD' })
    expect(head).toMatchObject({ status: 200, isWhole: true, fields: { 'content-length': '1000' } })
    for (const status of [204, 304]) {
      const reply = await ask(session, { ':path': `/${status}` })
      expect(reply).toMatchObject({ status, isWhole: true })
      expect(reply.body.byteLength).toBe(0)
    }
  })

  it('says nothing of a connection, and nothing twice that may be said once', async () => {
    const proxy = createProxy().handle(() => {
      const reply = Reply.text('hello')
      reply.headers.append('Connection', 'close').append('Keep-Alive', 'timeout=5').append('HTTP2-Settings', 'AAMAAABk')
      reply.headers.append('ETag', '"1"').append('ETag', '"2"').append('X-Spaces', ' a ')
      return reply
    })
    const reply = await ask(await connectTo(await listen(proxy, OVER_TLS.options())))
    expect(reply).toMatchObject({ status: 200, isWhole: true, fields: { 'x-spaces': 'a' } })
    expect(Object.keys(reply.fields)).not.toEqual(expect.arrayContaining(['connection']))
    expect(reply.fields['http2-settings']).toBeUndefined()
    expect(reply.body.toString()).toBe('hello')
  })

  it('has a date', async () => {
    const proxy = createProxy().handle(() => Reply.empty(204))
    const reply = await ask(await connectTo(await listen(proxy, OVER_TLS.options())))
    expect(Date.parse(String(reply.fields.date))).toBeGreaterThan(0)
  })

  it.each(['reset-mid-body', 'fin-mid-body', 'fin-mid-chunk', 'fin-between-chunks', 'short-content-length'] as const)(
    'never ends in order where the upstream does not: %s',
    async (kind) => {
      const target = await hostileUpstream({ kind })
      onTestFinished(async () => await target.close())
      const proxy = createProxy().forward(createUpstream('u', { targets: [target.url] }))
      const session = await connectTo(await listen(proxy, OVER_TLS.options()))
      const reply = await ask(session)
      if (reply.status !== 502)
        expect(reply).toMatchObject({ isWhole: false, rstCode: constants.NGHTTP2_INTERNAL_ERROR })
      await waitFor(() => proxy.inFlight === 0)
      expect(session.closed).toBe(false)
    },
  )

  it('never ends in order where its body is not as long as was said', async () => {
    const lying: BodySource = {
      start: (sink) => (sink.write(Buffer.from('short')), sink.end()),
      resume() {},
      cancel() {},
    }
    const proxy = createProxy().handle(() => new Reply(200, undefined, Body.from(lying, 100)))
    const reply = await ask(await connectTo(await listen(proxy, OVER_TLS.options())))
    expect(reply).toMatchObject({ isWhole: false, rstCode: constants.NGHTTP2_INTERNAL_ERROR })
  })

  it('may be large, whole, and in memory', async () => {
    const content = Buffer.alloc(5_000_000, 'abcdefg')
    const inPieces: BodySource = {
      start: (sink) => {
        for (let at = 0; at < content.byteLength; at += 700_000) sink.write(content.subarray(at, at + 700_000))
        sink.end()
      },
      resume() {},
      cancel() {},
    }
    const proxy = createProxy()
      .route({ path: '/pieces' }, (r) => r.handle(() => new Reply(200, undefined, Body.from(inPieces))))
      .handle(() => new Reply(200, undefined, Body.of(content)))
    const session = await connectTo(await listen(proxy, OVER_TLS.options()))
    for (const path of ['/', '/pieces', '/', '/pieces']) {
      const reply = await ask(session, { ':path': path })
      expect([reply.isWhole, reply.body.equals(content)]).toEqual([true, true])
    }
    await waitFor(() => proxy.inFlight === 0)
  })

  it('waits for a client that does not open its window, and the upstream with it', async () => {
    let taken = 0
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        taken++
        yield Buffer.alloc(65_536)
      }
    }
    const { listener, proxy } = await inFrontOf(() => ({ body: endless() }))
    const session = await connectTo(listener)
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    await once(stream, 'response')
    // What the kernel and the windows hold; then it stands still.
    let before = -1
    await waitFor(() => taken === before || ((before = taken), false), { intervalMs: 100, timeoutMs: 4_000 })
    expect(taken * 65_536).toBeLessThan(64_000_000)
    stream.destroy()
    await waitFor(() => proxy.inFlight === 0)
  })

  it('that comes early is whole, and the client may stop sending', async () => {
    const proxy = createProxy().handle(() => Reply.text('no', { status: 401 }))
    const session = await connectTo(await listen(proxy, OVER_TLS.options()))
    const stream = session.request({ ':method': 'POST', ':path': '/' })
    const reply = replyOn(stream)
    // More than the window: it would wait for ever.
    stream.write(Buffer.alloc(1_000_000))
    expect(await reply).toMatchObject({ status: 401, rstCode: constants.NGHTTP2_NO_ERROR })
    await waitFor(() => proxy.inFlight === 0)
    expect((await ask(session)).status).toBe(401)
  })

  it('that comes early, while the upstream reads, ends the request there', async () => {
    const proxy = createProxy().use((x, next) => {
      void Promise.resolve(next(x)).catch(() => {})
      return Reply.text('no', { status: 401 })
    })
    const target = await listenUpstream(() => ({ hang: true }))
    onTestFinished(async () => await target.close())
    const forwarding = proxy.forward(createUpstream('u', { targets: [target.url] }))
    const session = await connectTo(await listen(forwarding, OVER_TLS.options()))
    const stream = session.request({ ':method': 'POST', ':path': '/' })
    stream.write('begun')
    expect((await replyOn(stream)).status).toBe(401)
    await waitFor(() => proxy.inFlight === 0)
  })
})
