/** Many requests at a time, with bodies both ways, over HTTP/2 on either side or on both: none gets another's bytes, nor loses any. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex, Readable, Writable } from 'node:stream'
import { createProxy, createUpstream, http2Transport, type ListenOptions } from '@sluice/core'
import { certificateAuthority, seededRandom, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { closing } from '../faults/clean-up.ts'
import { TRANSPORTS } from '../faults/combinations.ts'

const AT_ONCE = 100
const MAX_BYTES = 200_000
const opened = closing()
const random = seededRandom(9_113)
const BYTES = Buffer.from(Uint32Array.from({ length: MAX_BYTES / 2 }, () => random() * 2 ** 32).buffer)

/** Sends back what it gets, in other pieces, under the number that it came with. */
function sendBack(
  request: Readable & { headers: object },
  reply: Writable & { setHeader(n: string, v: string): unknown },
) {
  reply.setHeader('X-Number', (request.headers as Record<string, string>)['x-number']!)
  request.on('data', (chunk: Buffer) => {
    reply.write(chunk.subarray(0, 1_000))
    if (!reply.write(chunk.subarray(1_000))) request.pause()
  })
  reply.on('drain', () => request.resume())
  request.on('end', () => reply.end())
}

async function echoServer(isHttp2: boolean) {
  const server = isHttp2 ? createHttp2Server(sendBack) : createServer(sendBack)
  const connections = new Set<Duplex>()
  server.on('connection', (socket: Duplex) => connections.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const socket of connections) socket.destroy()
      server.close()
    },
  }
}

/** Sends a request, and resolves with the number in the reply and its body. */
type Send = (number: number, write: (body: Writable) => void) => Promise<{ number: unknown; body: Readable }>

function overHttp2(url: string): Send {
  // The client's own bound counts what it has still to send.
  const session = connect(url, { rejectUnauthorized: false, maxSessionMemory: 100 })
  opened({ close: () => session.destroy() })
  return async (number, write) => {
    const stream = session.request({ ':method': 'POST', ':path': `/${number}`, 'x-number': String(number) })
    write(stream)
    const [reply] = (await once(stream, 'response')) as [Record<string, string>]
    return { number: reply['x-number'], body: stream }
  }
}

function overHttp1(url: string): Send {
  const agent = new Agent({ keepAlive: true })
  opened({ close: () => agent.destroy() })
  return async (number, write) => {
    const asked = request(url, { method: 'POST', path: `/${number}`, headers: { 'X-Number': number }, agent })
    write(asked)
    const [reply] = (await once(asked, 'response')) as [IncomingMessage]
    return { number: reply.headers['x-number'], body: reply }
  }
}

const { cert, key } = certificateAuthority().issue({ names: ['127.0.0.1'] })
const CLIENTS: readonly (readonly [name: string, options: ListenOptions, clientOf: (url: string) => Send])[] = [
  ['HTTP/1.1', {}, overHttp1],
  ['HTTP/2 without TLS', { http2: { cleartext: true } }, overHttp2],
  ['HTTP/2 with TLS', { tls: { cert, key } }, overHttp2],
]
const WAYS_OUT = [
  ...TRANSPORTS.map(({ name, create }) => ({ name, isHttp2: false, create: () => create({}) })),
  { name: 'http2', isHttp2: true, create: () => http2Transport({ priorKnowledge: true }) },
]
const CASES = CLIENTS.flatMap(([client, options, clientOf]) =>
  WAYS_OUT.map((wayOut) => ({ client, options, clientOf, ...wayOut })),
).filter(({ client, isHttp2 }) => client !== 'HTTP/1.1' || isHttp2)

describe.each(CASES)('$client, $name transport', ({ options, clientOf, isHttp2, create }) => {
  it(`${AT_ONCE} requests with bodies both ways are intact`, async () => {
    const target = opened(await echoServer(isHttp2))
    const upstream = createUpstream('echo', { targets: [target.url], transport: create() })
    const proxy = createProxy().forward(upstream)
    opened({ close: async () => await proxy.close({ drainMs: 0 }) })
    const { address } = await proxy.listen({ host: '127.0.0.1', ...options })
    const send = clientOf(address.url)

    const exchange = async (index: number): Promise<void> => {
      const from = index * 1_000
      const bytes = BYTES.subarray(from, from + Math.floor(random() * MAX_BYTES))
      const { number, body } = await send(index, (stream) => writeInPieces(stream, bytes))
      const got = createHash('sha1')
      let length = 0
      for await (const chunk of body as AsyncIterable<Buffer>) {
        got.update(chunk)
        length += chunk.length
      }
      const wanted = createHash('sha1').update(bytes).digest('hex')
      expect([number, length, got.digest('hex')]).toEqual([String(index), bytes.length, wanted])
    }
    await Promise.all(Array.from({ length: AT_ONCE }, async (_, index) => await exchange(index)))
    await waitFor(() => proxy.inFlight === 0 && upstream.active === 0)
  })
})

function writeInPieces(stream: Writable, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random() ** 3 * 100_000))
    stream.write(bytes.subarray(at, end))
    at = end
  }
  stream.end()
}
