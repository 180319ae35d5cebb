/** What of a message goes over HTTP/2, and how. */
import { Readable } from 'node:stream'
import { waitFor } from '@sluice/testing'
import { Body, HeaderList } from '@sluice/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { createProxy, createUpstream, http2Transport, type Http2TransportOptions, type Proxy } from '../../src/index.ts'
import { type Http2Target, http2Target, type OnStream } from './http2-target.ts'

let target: Http2Target
let upstream: ReturnType<typeof createUpstream>

async function proxyTo(onStream: OnStream, options: Http2TransportOptions = {}): Promise<Proxy> {
  target = await http2Target(onStream)
  const transport = http2Transport({ priorKnowledge: true, ...options })
  upstream = createUpstream('h2', { targets: [`${target.url}/base`], transport })
  return createProxy().forward(upstream)
}

afterEach(async () => {
  await upstream.destroy()
  await target.close()
})

/** Answers with what has come. */
const echoHead: OnStream = (stream, _headers, raw) => {
  stream.respond({ ':status': 200 })
  stream.end(JSON.stringify(raw))
}

async function fieldsSeen(proxy: Proxy, init: Parameters<Proxy['inject']>[0]): Promise<[string, string][]> {
  const raw = (await (await proxy.inject(init)).json()) as string[]
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!])
}

describe('the head of a request', () => {
  it('has its method, path, authority and scheme as pseudo-header fields', async () => {
    const proxy = await proxyTo(echoHead)
    const fields = await fieldsSeen(proxy, {
      method: 'OPTIONS',
      path: '/a?b=c',
      headers: { Host: 'shop.example:8080' },
    })
    expect(fields.slice(0, 4)).toEqual([
      [':method', 'OPTIONS'],
      [':scheme', 'http'],
      [':authority', 'shop.example:8080'],
      [':path', '/base/a?b=c'],
    ])
    expect(fields.filter(([name]) => name === 'host')).toEqual([])
  })

  it('has no field of a connection, and of TE what all may know', async () => {
    const proxy = await proxyTo(echoHead)
    const fields = await fieldsSeen(proxy, {
      headers: [
        ['Host', 'a.test'],
        ['Connection', 'keep-alive, X-Secret'],
        ['Keep-Alive', 'timeout=5'],
        ['X-Secret', '1'],
        ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
        ['TE', 'gzip;q=0.5, trailers'],
        ['X-Kept', '1'],
      ],
    })
    const names = fields.map(([name]) => name)
    expect(names).toContain('x-kept')
    expect(fields).toContainEqual(['te', 'trailers'])
    for (const name of ['connection', 'keep-alive', 'x-secret', 'http2-settings', 'transfer-encoding', 'upgrade'])
      expect(names).not.toContain(name)
  })

  it('says nothing of trailers that the client did not ask for', async () => {
    const proxy = await proxyTo(echoHead)
    expect((await fieldsSeen(proxy, {})).map(([name]) => name)).not.toContain('te')
  })

  it('joins cookies, and keeps fields that came more than once, Priority, and bytes beyond ASCII', async () => {
    const proxy = await proxyTo(echoHead)
    const fields = await fieldsSeen(proxy, {
      headers: [
        ['Host', 'a.test'],
        ['Cookie', 'a=1'],
        ['Cookie', 'b=2'],
        ['X-Tag', 'one'],
        ['x-tag', 'two'],
        ['Priority', 'u=1, i'],
        ['X-Name', 'J\u00fcrgen'],
      ],
    })
    expect(fields).toContainEqual(['cookie', 'a=1; b=2'])
    expect(fields.filter(([name]) => name === 'x-tag')).toEqual([
      ['x-tag', 'one'],
      ['x-tag', 'two'],
    ])
    expect(fields).toContainEqual(['priority', 'u=1, i'])
    expect(fields).toContainEqual(['x-name', 'J\u00fcrgen'])
  })
})

it('a field that the engine takes once, and that came twice, is for the target to judge', async () => {
  const proxy = await proxyTo(echoHead)
  const fields = await fieldsSeen(proxy, {
    headers: [
      ['Host', 'a.test'],
      ['Referer', 'https://a.test/'],
      ['Referer', 'https://b.test/'],
      ['X-Tag', 'one'],
      ['X-Tag', 'two'],
    ],
  })
  expect(fields).toContainEqual(['referer', 'https://a.test/, https://b.test/'])
  expect(fields).toContainEqual(['x-tag', 'one, two'])
})

describe('a body', () => {
  const echoBody: OnStream = (stream, headers) => {
    stream.respond({ ':status': 200, 'x-length': headers['content-length'] ?? 'none' })
    stream.pipe(stream)
  }

  it('goes there and back, with and without a length', async () => {
    const proxy = await proxyTo(echoBody)
    const bytes = Buffer.alloc(300_000, 'abc')
    const known = await proxy.inject({ method: 'POST', body: bytes })
    expect(known.headers.get('x-length')).toBe('300000')
    expect((await known.body.bytes()).equals(bytes)).toBe(true)
    const chunks = Readable.from([bytes.subarray(0, 1), bytes.subarray(1)])
    const unknown = await proxy.inject({ method: 'POST', body: Body.fromReadable(chunks) })
    expect(unknown.headers.get('x-length')).toBe('none')
    expect((await unknown.body.bytes()).equals(bytes)).toBe(true)
  })

  it('has trailers, either way', async () => {
    const proxy = await proxyTo((stream) => {
      let seen: unknown
      stream.on('trailers', (trailers: object) => (seen = trailers)).resume()
      stream.on('end', () => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-seen': JSON.stringify(seen), 'x-check': 'sum' }))
        stream.end('x')
      })
    })
    const reply = await proxy.inject({
      method: 'POST',
      body: withTrailers('hello', { 'X-Sum': '5', Connection: 'x-sum' }),
    })
    expect(await reply.text()).toBe('x')
    expect(reply.trailers?.get('x-check')).toBe('sum')
    expect(JSON.parse(reply.trailers!.get('x-seen')!)).toEqual({ 'x-sum': '5' })
  })

  it('is not there in replies that have none', async () => {
    const proxy = await proxyTo((stream, headers) => {
      const status = Number(String(headers[':path']).split('/').at(-1))
      const length = headers[':method'] === 'HEAD' ? { 'content-length': '5' } : {}
      // Some end with their head, some behind it.
      stream.respond({ ':status': status, ...length }, { endStream: status === 304 })
      if (status !== 304) stream.end()
    })
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
      ['GET', 200],
    ] as const) {
      const reply = await proxy.inject({ method, path: `/${status}` })
      expect([reply.status, await reply.text()]).toEqual([status, ''])
      if (method === 'HEAD') expect(reply.headers.get('content-length')).toBe('5')
      await waitFor(() => reply.exchange.attempts[0]!.phase === 'complete')
    }
    expect(target.total).toBe(1)
  })
})

describe('a reply', () => {
  it('keeps its fields in order, with Set-Cookie as often as it came, and says in Via how it came', async () => {
    const proxy = await proxyTo((stream) => {
      stream.respond({ ':status': 203, 'x-a': ['1', '2'], 'set-cookie': ['a=1', 'b=2'], 'x-z': 'J\u00fcrgen' })
      stream.end()
    })
    const reply = await proxy.inject()
    expect(reply.status).toBe(203)
    expect(reply.headers.getAll('x-a')).toEqual(['1', '2'])
    expect(reply.headers.getAll('set-cookie')).toEqual(['a=1', 'b=2'])
    expect(reply.headers.get('x-z')).toBe('J\u00fcrgen')
    expect(reply.headers.get('via')).toBe('2.0 sluice')
  })

  it('may be preceded by others', async () => {
    const proxy = await proxyTo((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' })
      stream.additionalHeaders({ ':status': 100 })
      stream.respond({ ':status': 200 })
      stream.end()
    })
    const reply = await proxy.inject()
    expect(reply.informational.map(({ status, headers }) => [status, headers.get('link')])).toEqual([
      [103, '</style.css>; rel=preload'],
    ])
  })

  it('is refused where its head is larger than allowed, and its connection goes on', async () => {
    const proxy = await proxyTo(
      (stream, headers) => {
        stream.respond({ ':status': 200, 'x-big': 'x'.repeat(Number(headers['x-size'])) })
        stream.end('ok')
      },
      { maxResponseHeaderBytes: 4_096 },
    )
    const large = await proxy.inject({ headers: { 'X-Size': '5000' } })
    expect([large.status, ((await large.json()) as { code: string }).code]).toEqual([
      502,
      'ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE',
    ])
    expect(await (await proxy.inject({ headers: { 'X-Size': '10' } })).text()).toBe('ok')
    expect(target.total).toBe(1)
  })

  it('is refused with a length that is not that of its body', async () => {
    const proxy = await proxyTo((stream) => {
      stream.respond({ ':status': 200, 'content-length': '20' })
      stream.end('short')
    })
    const reply = await proxy.inject()
    await expect(reply.text()).rejects.toMatchObject({ code: 'ERR_SLUICE_RESPONSE_TRUNCATED' })
  })
})

function withTrailers(text: string, trailers: Record<string, string>): Body {
  return Body.of(text).transform((sink) => ({
    begin: (flow) => sink.begin(flow),
    write: (chunk) => sink.write(chunk),
    end: () => sink.end(new HeaderList(trailers)),
    abort: (error) => sink.abort(error),
  }))
}
