import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
/** The PROXY protocol in front of both listeners, with and without TLS. */
import { connect as connectTls } from 'node:tls'
import { rawClient, type RawClient, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  ConfigError,
  createProxy,
  type ListenOptions,
  nodeListener,
  type ProxyOptions,
  type ProxyProtocolListenOptions,
  Reply,
  wireListener,
} from '../src/index.ts'
import { LOCALHOST } from './certificates.ts'
import { ask } from './tls/tls-client.ts'

const HEADER = 'PROXY TCP4 203.0.113.7 192.0.2.1 5555 443\r\n'
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const V2 = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n!\x21\0\x24', 'latin1'),
  Buffer.from(`20010db8${'0'.repeat(23)}7${'0'.repeat(32)}`, 'hex'),
  Buffer.of(0x15, 0xb3, 1, 0xbb),
])

describe.each([
  ['wire', wireListener],
  ['node', nodeListener],
] as const)('the PROXY protocol on the %s listener', (_name, listener) => {
  async function listen(
    options: ListenOptions = {},
    proxyProtocol: ProxyProtocolListenOptions = { trust: ['127.0.0.1'] },
    proxyOptions: ProxyOptions = {},
  ) {
    const proxy = createProxy(proxyOptions).handle(async ({ client, body }) => {
      const { peer } = client
      return Reply.text(`${client.address} ${peer.address} ${peer.port} ${peer.secure} [${await body.text()}]`)
    })
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    return await proxy.listen({ host: '127.0.0.1', listener: listener(), proxyProtocol, ...options })
  }

  async function open(port: number): Promise<RawClient> {
    const client = await rawClient({ port })
    onTestFinished(() => client.destroy())
    return client
  }

  const textOf = async (client: RawClient) => (await client.readResponse()).body.toString()

  it('says who the client is, in version 1 and 2, and for all requests of a connection', async () => {
    const { address } = await listen()
    const first = await open(address.port)
    first.write(HEADER + REQUEST)
    expect(await textOf(first)).toBe('203.0.113.7 203.0.113.7 5555 false []')
    first.write(REQUEST)
    expect(await textOf(first)).toBe('203.0.113.7 203.0.113.7 5555 false []')
    const second = await open(address.port)
    second.write(Buffer.concat([V2, Buffer.from(REQUEST)]))
    expect(await textOf(second)).toBe('2001:db8::7 2001:db8::7 5555 false []')
  })

  it('is read however it is cut, and nothing behind it is lost', async () => {
    const { address } = await listen()
    const body = 'x'.repeat(200_000)
    const message = `${HEADER}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    for (const cut of [1, 6, HEADER.length - 1, HEADER.length, HEADER.length + 1, HEADER.length + 40, 100_000]) {
      const client = await open(address.port)
      client.write(message.slice(0, cut))
      await new Promise((resolve) => setImmediate(resolve))
      client.write(message.slice(cut))
      expect(await textOf(client)).toBe(`203.0.113.7 203.0.113.7 5555 false [${body}]`)
      client.destroy()
    }
  })

  it('is followed by several requests at once, and by the end', async () => {
    const { address } = await listen({ allowHalfOpen: true })
    const client = await open(address.port)
    client.write(HEADER + REQUEST + REQUEST)
    client.end()
    await client.closed
    expect(client.received.toString().match(/203\.0\.113\.7 5555 false/g)).toHaveLength(2)
  })

  it('leaves the peer be where the load balancer speaks for itself', async () => {
    const { address } = await listen()
    for (const header of ['PROXY UNKNOWN\r\n', '\r\n\r\n\0\r\nQUIT\n \0\0\0']) {
      const client = await open(address.port)
      client.write(header + REQUEST)
      expect(await textOf(client)).toMatch(/^127\.0\.0\.1 127\.0\.0\.1 \d+ false/)
    }
  })

  it('stands in front of TLS', async () => {
    const { address } = await listen({ tls: LOCALHOST })
    for (const header of [HEADER, V2]) {
      const client = await open(address.port)
      client.write(header)
      const socket = connectTls({ socket: client.socket, servername: 'localhost', ca: LOCALHOST.cert })
      await once(socket, 'secureConnect')
      expect(await ask(socket)).toMatch(/(?:203\.0\.113\.7|2001:db8::7) 5555 true/)
    }
  })

  it('stands in front of TLS also where both come at once', async () => {
    const listening = await listen({ tls: LOCALHOST })
    // What a client of TLS begins with, taken from one that talks to nobody.
    const hello = await clientHello()
    const client = await open(listening.address.port)
    client.write(Buffer.concat([Buffer.from(HEADER), hello]))
    // The server's part of the handshake, and no alert (21).
    const answer = await client.readUntil((bytes) => bytes.byteLength > 100)
    expect(answer[0]).toBe(22)
  })

  it('decides before the forwarding fields do', async () => {
    const { address } = await listen({}, undefined, { forwarded: { trust: ['127.0.0.1'] } })
    const forged = REQUEST.replace('\r\n\r\n', '\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n')
    const outside = await open(address.port)
    outside.write(HEADER + forged)
    expect(await textOf(outside)).toBe('203.0.113.7 203.0.113.7 5555 false []')
    const inside = await open(address.port)
    inside.write(`PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n${forged}`)
    expect(await textOf(inside)).toBe('9.9.9.9 127.0.0.1 1 false []')
  })

  it('is not looked for where the peer is not trusted: there it is a malformed request', async () => {
    const { address } = await listen({}, { trust: ['10.0.0.0/8'] })
    const plain = await open(address.port)
    plain.write(REQUEST)
    expect(await textOf(plain)).toMatch(/^127\.0\.0\.1 /)
    const forged = await open(address.port)
    forged.write(HEADER + REQUEST)
    expect((await forged.readResponse()).status).toBe(400)
  })

  it.each([
    ['a request without it', REQUEST],
    ['TLS without it', Buffer.from('1603010200010001fc0303', 'hex')],
    ['one that is malformed', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n'],
    ['one that is too long', 'PROXY UNKNOWN '.padEnd(200, 'x')],
  ])('ends a connection of a trusted peer that sends %s', async (_what, bytes) => {
    const listening = await listen()
    const client = await open(listening.address.port)
    client.write(bytes)
    await client.closed
    expect(client.received).toHaveLength(0)
    await waitFor(() => listening.connections === 0)
  })

  it('is not waited for without end, nor where the peer leaves in the middle', async () => {
    const listening = await listen({}, { trust: 'all', headerTimeoutMs: 30 })
    const silent = await open(listening.address.port)
    silent.write('PROXY TCP4')
    await silent.closed
    const leaving = await open(listening.address.port)
    leaving.write('PROXY TCP4')
    leaving.end()
    await leaving.closed
    const reset = await open(listening.address.port)
    reset.write('PROXY TCP4')
    reset.reset()
    await waitFor(() => listening.connections === 0)
    const client = await open(listening.address.port)
    client.write(HEADER + REQUEST)
    expect(await textOf(client)).toContain('203.0.113.7')
  })

  it('keeps nobody from closing', async () => {
    const listening = await listen({}, { trust: 'all', headerTimeoutMs: 60_000 })
    const silent = await open(listening.address.port)
    silent.write('PROXY')
    const closing = listening.close()
    listening.destroy()
    await Promise.all([closing, silent.closed])
  })
})

it.each<[string, ProxyProtocolListenOptions]>([
  ['listen.proxyProtocol.trust', {} as ProxyProtocolListenOptions],
  ['listen.proxyProtocol.trust[1]', { trust: ['10.0.0.0/8', 'example.com'] }],
  ['listen.proxyProtocol.headerTimeoutMs', { trust: 'all', headerTimeoutMs: 0 }],
])('a wrong option is refused: %s', async (path, proxyProtocol) => {
  const proxy = createProxy().handle(() => Reply.empty(204))
  onTestFinished(async () => await proxy.close())
  const error: unknown = await proxy.listen({ proxyProtocol }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).path).toBe(path)
})

async function clientHello(): Promise<Buffer> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const socket = connectTls({ port, host: '127.0.0.1' }).on('error', () => {})
  const [accepted] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(accepted, 'data')) as [Buffer]
  accepted.destroy()
  socket.destroy()
  await new Promise((resolve) => server.close(resolve))
  return hello
}
