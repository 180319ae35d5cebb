/** A target that sends interim replies without end, over each transport. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createProxy,
  createUpstream,
  http2Transport,
  type Proxy,
  type Transport,
  undiciTransport,
  wireTransport,
} from '../../src/index.ts'
import { codeOf } from '../upstream/held-upstream.ts'
import { http2Target } from './http2-target.ts'

const MOST = 100
/** So many of these are more than all may have together, though each is no larger than a head may be. */
const LARGE = { count: 5, field: 'x'.repeat(15_000) }

interface Interims {
  readonly count: number
  readonly field?: string
}

function proxyTo(url: string, transport: Transport): Proxy {
  const upstream = createUpstream('target', { targets: [url], transport })
  onTestFinished(async () => await upstream.destroy())
  return createProxy().forward(upstream)
}

/** A proxy to such a target, and how many connections that was asked on. */
type Ask = (interims: Interims) => Promise<{ readonly proxy: Proxy; readonly connections: () => number }>

const overHttp1 =
  (transport: () => Transport): Ask =>
  async ({ count, field = 'y' }) => {
    const interim = `HTTP/1.1 103 Early Hints\r\nLink: ${field}\r\n\r\n`
    const bytes = `${interim.repeat(count)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.on('error', () => {}).on('data', () => socket.write(bytes))
      onTestFinished(() => void socket.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    return { proxy: proxyTo(`http://127.0.0.1:${port}`, transport()), connections: () => connections }
  }

const overHttp2: Ask = async ({ count, field = 'y' }) => {
  const target = await http2Target((stream) => {
    for (let i = 0; i < count; i++) stream.additionalHeaders({ ':status': 103, link: field })
    stream.respond({ ':status': 200 })
    stream.end('ok')
  })
  onTestFinished(async () => await target.close())
  return { proxy: proxyTo(target.url, http2Transport({ priorKnowledge: true })), connections: () => target.total }
}

describe.each([
  { name: 'wireTransport()', ask: overHttp1(wireTransport), connections: 1 },
  // It takes a connection for busy a little longer than its reply lasts.
  { name: 'undiciTransport()', ask: overHttp1(undiciTransport), connections: 2 },
  { name: 'http2Transport()', ask: overHttp2, connections: 1 },
])('with $name, interim replies', ({ ask, connections: most }) => {
  it('may be as many as anybody needs', async () => {
    const { proxy, connections } = await ask({ count: MOST })
    for (let i = 0; i < 2; i++) {
      const reply = await proxy.inject()
      expect([reply.status, await reply.text(), reply.informational.length]).toEqual([200, 'ok', MOST])
    }
    expect(connections()).toBeLessThanOrEqual(most)
  })

  it.each([
    { what: 'too many', interims: { count: MOST + 1 }, heard: MOST },
    { what: 'too large together', interims: LARGE, heard: LARGE.count - 1 },
  ])('that are $what break the reply, and its connection is not used again', async ({ interims, heard }) => {
    const { proxy, connections } = await ask(interims)
    for (let i = 0; i < 2; i++) {
      const reply = await proxy.inject()
      expect([reply.status, await codeOf(reply)]).toEqual([502, 'ERR_SLUICE_RESPONSE_INVALID'])
      expect(reply.informational).toHaveLength(heard)
    }
    expect(connections()).toBe(2)
  })
})
