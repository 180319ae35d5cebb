/** Upgraded connections: how they begin, and that both ends come down together. */
import { once } from 'node:events'
import { createServer, ServerResponse } from 'node:http'
import { createServer as createRawServer, type AddressInfo, type Socket } from 'node:net'
import { createProxy, createUpstream, type Middleware, Reply } from '@sluice/core'
import { hostileUpstream, rawClient, waitFor, type RawClient } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { COMBINATIONS } from './combinations.ts'
import { gateway } from './gateway.ts'

// The key and its answer are those of RFC 6455, section 1.3.
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'

const opened = closing()

/** An upstream that switches, and then answers in capitals. `onSwitch` gets the far end of the tunnel. */
async function switching(answer = SWITCHED, halfOpen = false) {
  const sockets: Socket[] = []
  const heads: string[] = []
  let open = 0
  const server = createRawServer({ allowHalfOpen: halfOpen }, (socket) => {
    open++
    socket.on('error', () => {})
    socket.on('close', () => open--)
    socket.once('data', (head) => {
      const text = head.toString('latin1')
      const end = text.indexOf('\r\n\r\n') + 4
      heads.push(text.slice(0, end))
      sockets.push(socket)
      socket.write(answer + text.slice(end).toUpperCase(), 'latin1')
      socket.on('data', (chunk) => socket.write(chunk.toString('latin1').toUpperCase()))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return opened({
    url: `http://127.0.0.1:${port}`,
    sockets,
    heads,
    get connections() {
      return open
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  })
}

function closable(client: RawClient): RawClient & { close(): void } {
  return Object.assign(client, { close: () => client.destroy() })
}

describe.each(COMBINATIONS)('tunnels, $name listener', (listener, transport) => {
  async function through(url: string) {
    const gate = opened(gateway({ targets: [url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = opened(closable(await rawClient({ port: own.address.port })))
    return { gate, own, client }
  }

  it('carries bytes both ways, those ahead of the switch included', async () => {
    const peer = await switching()
    const { gate, client } = await through(peer.url)
    client.write(`${UPGRADE}early`)
    const head = (await client.readUntil('\r\n\r\n')).toString()
    expect(head).toMatch(/^HTTP\/1\.1 101 /)
    expect(head.toLowerCase()).toContain('\r\nupgrade: websocket\r\n')
    await client.readUntil('EARLY')
    client.write('later')
    await client.readUntil('LATER')
    expect([gate.proxy.inFlight, gate.upstream.targets[0]?.active]).toEqual([1, 1])
    client.destroy()
    await gate.settled()
  })

  it.each([
    ['the client, by FIN', (client: RawClient) => client.end()],
    ['the client, by RST', (client: RawClient) => client.reset()],
    ['the target, by FIN', (_: RawClient, far: Socket) => far.end()],
    ['the target, by RST', (_: RawClient, far: Socket) => far.resetAndDestroy()],
  ])('both ends come down with %s', async (_, leave) => {
    // Half open: an end that has seen a FIN waits until it is closed by the proxy.
    const peer = await switching(SWITCHED, true)
    const { gate, own, client } = await through(peer.url)
    client.write(UPGRADE)
    await client.readUntil('\r\n\r\n')
    leave(client, peer.sockets[0]!)
    await waitFor(() => peer.connections === 0 || peer.sockets[0]!.readableEnded)
    await waitFor(() => own.connections === 0)
    await client.closed
    await gate.settled()
    expect(gate.verdicts.map(({ phase }) => phase)).toEqual(['replied'])
  })

  it('a target that leaves has its last words delivered', async () => {
    const peer = await switching()
    const { gate, client } = await through(peer.url)
    client.write(UPGRADE)
    await client.readUntil('\r\n\r\n')
    const size = 2_000_000
    client.pause()
    peer.sockets[0]!.end('x'.repeat(size))
    await waitFor(() => peer.sockets[0]!.writableFinished || peer.sockets[0]!.bytesWritten === size)
    client.resume()
    await client.readUntil((unread) => unread.length === size, 3_000)
    expect(await client.closed).toBe('end')
    await gate.settled()
  })

  it.each([
    ['FIN', (client: RawClient) => client.end()],
    ['RST', (client: RawClient) => client.reset()],
  ])('a client that leaves by %s before the switch takes the attempt along', async (_, leave) => {
    const peer = opened(await hostileUpstream({ kind: 'accept-and-hang' }))
    const { gate, own, client } = await through(peer.url)
    client.write(UPGRADE)
    await waitFor(() => peer.received[0]?.includes('\r\n\r\n') === true)
    leave(client)
    await waitFor(() => peer.connections === 0 && own.connections === 0)
    await gate.settled()
    expect(gate.verdicts).toEqual([])
  })

  it('another reply than 101 is relayed, and the connection closed: the bytes behind it are nobody’s', async () => {
    const refusing = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
    const peer = opened(await hostileUpstream({ kind: 'raw', bytes: refusing }))
    const { gate, own, client } = await through(peer.url)
    client.write(`${UPGRADE}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect(await client.readResponse()).toMatchObject({ status: 200, complete: true, body: Buffer.from('hello') })
    expect(await client.closed).not.toBe('close')
    await waitFor(() => own.connections === 0)
    await gate.settled()
    expect(Buffer.concat([...peer.received]).toString()).not.toContain('smuggled')
  })

  it.each([
    ['another key', SWITCHED.replace('s3pP', 'AAAA')],
    ['no key', SWITCHED.replace(/Sec-WebSocket-Accept.*\r\n/, '')],
    ['another protocol', SWITCHED.replace('Upgrade: websocket', 'Upgrade: mqtt')],
    ['its Connection left out', SWITCHED.replace('Connection: Upgrade\r\n', '')],
  ])('a switch with %s is none, and the target has failed', async (_, answer) => {
    const peer = await switching(answer)
    const { gate, own, client } = await through(peer.url)
    client.write(UPGRADE)
    expect(await client.readResponse()).toMatchObject({ status: 502, complete: true })
    await waitFor(() => own.connections === 0 && peer.connections === 0)
    await gate.settled()
    expect(gate.verdicts.at(-1)).toMatchObject({ phase: 'failed' })
  })

  it('a protocol that the proxy does not know passes as it is', async () => {
    const peer = await switching('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: Echo/2\r\n\r\n')
    const { client } = await through(peer.url)
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo/2\r\n\r\nearly')
    expect(await client.readResponse()).toMatchObject({ status: 101 })
    await client.readUntil('EARLY')
  })

  it('a middleware may edit the fields of the switch, or answer otherwise, which leaves no connection', async () => {
    const peer = await switching()
    const edit: Middleware = async (exchange, next) => {
      const reply = await next(exchange)
      if (exchange.request.path === '/refused') return Reply.text('no', { status: 403 })
      reply.headers.append('Set-Cookie', 'target=one')
      return reply
    }
    const gate = opened(gateway({ targets: [peer.url], transport, use: edit }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = opened(closable(await rawClient({ port: own.address.port })))
    client.write(UPGRADE)
    const reply = await client.readResponse()
    expect([reply.status, reply.header('set-cookie')]).toEqual([101, 'target=one'])
    const refused = opened(closable(await rawClient({ port: own.address.port })))
    refused.write(UPGRADE.replace('/chat', '/refused'))
    expect(await refused.readResponse()).toMatchObject({ status: 403, body: Buffer.from('no') })
    await waitFor(() => peer.connections === 1 && own.connections === 1)
    client.destroy()
    await gate.settled()
  })

  it('another reply than 101 is only as fast as its client', async () => {
    const size = 32 * 1_048_576
    let isSent = false
    const server = createServer((_request, response) => response.end('small'))
    server.on('upgrade', (request, socket: Socket) => {
      socket.on('error', () => {})
      const response = new ServerResponse(request)
      response.assignSocket(socket)
      response.end(Buffer.alloc(size, 'x'), () => (isSent = true))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    opened({
      close() {
        server.closeAllConnections()
        server.close()
      },
    })
    const { gate, client } = await through(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    client.write(UPGRADE)
    client.pause()
    await waitFor(() => gate.verdicts.length === 1)
    // In this time all of it would be here, if anybody took it.
    for (let i = 0; i < 100; i++) expect(await (await gate.proxy.inject()).text()).toBe('small')
    expect([isSent, gate.upstream.active]).toEqual([false, 1])
    client.resume()
    expect(await client.closed).toBe('end')
    const { received } = client
    const headEnd = received.indexOf('\r\n\r\n') + 4
    expect(received.toString('latin1', 0, 15)).toBe('HTTP/1.1 200 OK')
    expect([isSent, received.length - headEnd]).toEqual([true, size])
  })

  it.each([
    ['reset-after-head-received', 502],
    ['bad-status-line', 502],
    ['refuse', 502],
  ] as const)('a target that fails (%s) is answered for', async (kind, status) => {
    const peer = opened(await hostileUpstream({ kind }))
    const { gate, own, client } = await through(peer.url)
    client.write(UPGRADE)
    expect(await client.readResponse()).toMatchObject({ status, complete: true })
    await waitFor(() => own.connections === 0)
    await gate.settled()
  })

  it('h2c is not asked for upstream, and the request is answered as it is', async () => {
    const reply = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
    const peer = opened(await hostileUpstream({ kind: 'raw', bytes: reply }))
    const { client } = await through(peer.url)
    client.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
    )
    expect(await client.readResponse()).toMatchObject({ status: 200, body: Buffer.from('hello') })
    expect(peer.received[0]?.toString()).not.toMatch(/h2c|upgrade:|settings/i)
  })

  it('what no route matches gets 404', async () => {
    const proxy = createProxy().route({ path: '/other' }, (route) =>
      route.forward(createUpstream('targets', { targets: ['http://127.0.0.1:9'] })),
    )
    opened({ close: async () => await proxy.close({ drainMs: 0 }) })
    const own = await proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = opened(closable(await rawClient({ port: own.address.port })))
    client.write(UPGRADE)
    expect(await client.readResponse()).toMatchObject({ status: 404, complete: true })
    await waitFor(() => own.connections === 0)
  })

  it('closing the proxy ends what is open after the time to drain', async () => {
    const peer = await switching(SWITCHED, true)
    const { gate, own, client } = await through(peer.url)
    client.write(UPGRADE)
    await client.readUntil('\r\n\r\n')
    await gate.proxy.close({ drainMs: 60 })
    await client.closed
    await gate.settled()
    await waitFor(() => own.connections === 0)
    await waitFor(() => peer.sockets[0]!.readableEnded || peer.sockets[0]!.destroyed)
  })
})

describe('a server of one’s own', () => {
  it('what no route matches is left to another upgrade listener', async () => {
    const peer = await switching()
    const proxy = createProxy().route({ path: '/chat' }, (route) =>
      route.forward(createUpstream('targets', { targets: [peer.url] })),
    )
    opened({ close: async () => await proxy.close({ drainMs: 0 }) })
    const server = createServer(proxy.nodeHandler()).listen(0, '127.0.0.1')
    server.on('upgrade', proxy.upgradeHandler())
    server.on('upgrade', (request, socket) => {
      if (request.url === '/mine') socket.end('HTTP/1.1 426 Mine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    })
    await once(server, 'listening')
    opened({ close: async () => await new Promise((resolve) => server.close(resolve)) })
    const { port } = server.address() as AddressInfo
    const mine = opened(closable(await rawClient({ port })))
    mine.write(UPGRADE.replace('/chat', '/mine'))
    expect(await mine.readResponse()).toMatchObject({ status: 426, reason: 'Mine' })
    const chat = opened(closable(await rawClient({ port })))
    chat.write(UPGRADE)
    expect(await chat.readResponse()).toMatchObject({ status: 101 })
  })

  it('is shared by several proxies, of which one answers', async () => {
    const peer = await switching()
    const proxies = ['/chat', '/*'].map((path) =>
      createProxy().route({ path }, (route) => route.forward(createUpstream('targets', { targets: [peer.url] }))),
    )
    const server = createServer().listen(0, '127.0.0.1')
    for (const proxy of proxies) {
      server.on('upgrade', proxy.upgradeHandler())
      opened({ close: async () => await proxy.close({ drainMs: 0 }) })
    }
    await once(server, 'listening')
    opened({ close: async () => await new Promise((resolve) => server.close(resolve)) })
    const { port } = server.address() as AddressInfo
    for (const path of ['/chat', '/other']) {
      const client = opened(closable(await rawClient({ port })))
      client.write(UPGRADE.replace('/chat', path))
      expect(await client.readResponse()).toMatchObject({ status: 101 })
    }
    expect(proxies.map((proxy) => proxy.tunnels.length)).toEqual([1, 1])
    expect(peer.heads.map((head) => head.split(' ', 2)[1])).toEqual(['/chat', '/other'])
  })

  it('has what none of several proxies matches answered by the last of them', async () => {
    const proxies = ['/one', '/two'].map((path) =>
      createProxy().route({ path }, (route) => route.handle(() => Reply.text(path))),
    )
    const server = createServer().listen(0, '127.0.0.1')
    for (const proxy of proxies) server.on('upgrade', proxy.upgradeHandler())
    await once(server, 'listening')
    opened({ close: async () => await new Promise((resolve) => server.close(resolve)) })
    const client = opened(closable(await rawClient({ port: (server.address() as AddressInfo).port })))
    client.write(UPGRADE)
    expect(await client.readResponse()).toMatchObject({ status: 404, complete: true })
    expect(await client.closed).toBe('end')
    expect(client.received.toString().match(/HTTP\/1\.1/g)).toHaveLength(1)
  })
})
