import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { LOCALHOST_CERTIFICATE, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Body } from '../../src/index.ts'
import { RecordingSink } from '../recording.ts'
import { answer, get, post, respond, serve, type Served, type ServeOptions } from './serve.ts'

interface Way {
  readonly name: string
  readonly options: () => Promise<ServeOptions>
  readonly connect: (served: Served) => Socket
}

const WAYS: readonly Way[] = [
  {
    name: 'TCP',
    options: () => Promise.resolve({}),
    connect: ({ port }) => connectTcp(port, '127.0.0.1'),
  },
  {
    name: 'a Unix socket',
    options: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-'))
      onTestFinished(async () => await rm(folder, { recursive: true }))
      return { address: { path: join(folder, 'socket') } }
    },
    connect: ({ server }) => connectTcp(server.address as string),
  },
  {
    name: 'TLS',
    options: () => Promise.resolve({ tls: LOCALHOST_CERTIFICATE }),
    connect: ({ port }) =>
      connectTls({ port, host: '127.0.0.1', ca: LOCALHOST_CERTIFICATE.cert, servername: 'localhost' }),
  },
]

/** A client of any kind of socket. */
function clientOf(socket: Socket) {
  let text = ''
  const client = {
    socket,
    ended: false,
    closed: false,
    text: () => text,
    has: async (wanted: string) =>
      await waitFor(() => text.includes(wanted), { what: `${JSON.stringify(wanted)} in ${JSON.stringify(text)}` }),
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => (text += chunk))
  socket.on('end', () => (client.ended = true))
  socket.on('close', () => (client.closed = true))
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return client
}

describe.each(WAYS)('over $name', ({ options, connect }) => {
  it('requests are answered, one after the other and pipelined', async () => {
    const served = await serve(
      (request) => void request.body.text().then((text) => answer(request, `<${request.head.target}${text}>`)),
      await options(),
    )
    const client = clientOf(connect(served))
    client.socket.write(get('/1') + get('/2'))
    await client.has('</2>')
    client.socket.write(post(3, 'abc'))
    await client.has('</abc>')
    expect(served.server.connections).toBe(1)
    client.socket.end()
    await waitFor(() => served.server.connections === 0 && client.closed)
  })

  it('large bodies go both ways, unharmed', async () => {
    const body = Buffer.alloc(3 * 1_048_576, 'abcdefghijk')
    const served = await serve((request) => respond(request, request.body), await options())
    const client = clientOf(connect(served))
    client.socket.write(post(body.length, '', 'Connection: close\r\n'))
    client.socket.write(body)
    await waitFor(() => client.ended, { timeoutMs: 5_000 })
    expect(client.text().slice(client.text().indexOf('\r\n\r\n') + 4) === body.toString()).toBe(true)
  })

  it('a client that does not read has to wait, and memory stays bounded', async () => {
    const served = await serve(
      (request) => {
        respond(request, Body.from(source, 64 * 1_048_576))
      },
      await options(),
    )
    const chunk = Buffer.alloc(65_536)
    let written = 0
    let go = (): void => {}
    const source = {
      start: (sink: { write(chunk: Uint8Array): boolean }) => {
        go = () => {
          while (sink.write(chunk)) written += chunk.length
        }
        go()
      },
      resume: () => go(),
      cancel: () => {},
    }
    const client = clientOf(connect(served))
    client.socket.write(get())
    await client.has('200 OK')
    client.socket.pause()
    await waitFor(() => served.requests[0]!.connection.socket.writableNeedDrain)
    const { socket } = served.requests[0]!.connection
    expect(socket.writableLength).toBeLessThan(4 * 65_536)
    expect(written).toBeLessThan(32 * 1_048_576)
  })

  it('small replies of a client that reads none of them stay bounded, and all come once it reads', async () => {
    const text = 'x'.repeat(4_096)
    const served = await serve((request) => answer(request, `<${request.head.target}>${text}`), await options())
    const client = clientOf(connect(served))
    client.socket.pause()
    const many = 4_000
    client.socket.write(Array.from({ length: many }, (_, i) => get(`/${i}`)).join(''))
    await waitFor(() => served.requests[0]?.connection.socket.isPaused() === true)
    const { socket } = served.requests[0]!.connection
    expect(socket.writableLength).toBeLessThan(2 * 65_536)
    expect(served.requests.length).toBeLessThan(many)
    client.socket.resume()
    await waitFor(() => client.text().includes(`</${many - 1}>`), { timeoutMs: 5_000 })
    expect(Array.from(client.text().matchAll(/<\/(\d+)>/g), ([, index]) => Number(index))).toEqual([
      ...Array(many).keys(),
    ])
    // Nothing is left of the wait: the next is served, and idle for as long as any.
    client.socket.write(get('/next'))
    await client.has('</next>')
    await served.pass(4_999)
    expect(served.server.connections).toBe(1)
    await served.pass(1)
    await waitFor(() => served.server.connections === 0)
  })

  it('a reader that does not read makes the client wait', async () => {
    const sink = new RecordingSink(1)
    const served = await serve((request) => request.body.pipe(sink), await options())
    const client = clientOf(connect(served))
    const size = 64 * 1_048_576
    client.socket.write(post(size))
    client.socket.write(Buffer.alloc(size))
    await waitFor(() => sink.text.length > 0)
    await waitFor(() => served.requests[0]!.connection.socket.isPaused())
    const held = sink.text.length
    expect(held).toBeLessThan(1_048_576)
    sink.take(2_000_000)
    await waitFor(() => sink.text.length > 2_000_000)
  })

  it('the idle are closed in time, and the malformed refused', async () => {
    const served = await serve((request) => answer(request), await options())
    const [idle, malformed] = [clientOf(connect(served)), clientOf(connect(served))]
    await waitFor(() => served.server.connections === 2)
    malformed.socket.write('GET / HTTP/1.1\r\nHost : a\r\n\r\n')
    await malformed.has('400')
    await waitFor(() => malformed.ended)
    await served.pass(5_000)
    await waitFor(() => idle.closed && malformed.closed && served.server.connections === 0)
  })

  it('an early reply arrives though the client still sends', async () => {
    const served = await serve((request) => answer(request, 'early', 413), await options())
    const client = clientOf(connect(served))
    client.socket.write(post(80_000, 'x'))
    await client.has('early')
    client.socket.write('x'.repeat(79_999))
    await waitFor(() => client.ended && served.server.connections === 0)
  })

  it('a client that has ended its side still gets its reply, where that is allowed', async () => {
    const served = await serve(() => {}, { ...(await options()), allowHalfOpen: true })
    const client = clientOf(connect(served))
    client.socket.end(get())
    await waitFor(() => served.requests[0]?.connection.socket.readableEnded === true)
    answer(served.requests[0]!, 'late')
    await client.has('late')
    await waitFor(() => client.ended && served.server.connections === 0)
  })

  it('a released connection is a tunnel, which begins with what came behind the request', async () => {
    let received = ''
    const served = await serve(
      ({ connection }) => {
        connection.writeText('HTTP/1.1 101 Switching Protocols\r\n\r\n')
        connection.release((bytes, length) => (received += bytes.toString('latin1', 0, length)))
      },
      await options(),
    )
    const client = clientOf(connect(served))
    client.socket.write(`${get()}behind`)
    await client.has('101')
    client.socket.write(' GET / HTTP/1.1\r\n\r\n')
    await waitFor(() => received === 'behind GET / HTTP/1.1\r\n\r\n')
    await served.pass(1_000_000)
    expect(client.closed).toBe(false)
    client.socket.end()
    // Whoever has taken the connection over ends it; the request is none of the connection's business any more.
    const { connection } = served.requests[0]!
    await waitFor(() => connection.socket.readableEnded)
    connection.destroy()
    await waitFor(() => served.server.connections === 0)
    expect(served.aborts).toEqual([])
  })
})

describe('TLS', () => {
  it('closes the connection of a client that leaves within its handshake', async () => {
    const served = await serve((request) => answer(request), { tls: LOCALHOST_CERTIFICATE })
    const client = clientOf(connectTcp(served.port, '127.0.0.1'))
    client.socket.end(Buffer.from('160301', 'hex'))
    await waitFor(() => client.closed)
  })

  it('counts those that make no handshake among the most it takes, and closes them with the rest', async () => {
    const served = await serve((request) => answer(request), { tls: LOCALHOST_CERTIFICATE, maxConnections: 2 })
    const silent = [1, 2].map(() => clientOf(connectTcp(served.port, '127.0.0.1')))
    await Promise.all(silent.map(async ({ socket }) => await new Promise((resolve) => socket.once('connect', resolve))))
    const third = clientOf(connectTcp(served.port, '127.0.0.1'))
    await waitFor(() => third.closed)
    expect(silent.map(({ closed }) => closed)).toEqual([false, false])
    served.server.destroy()
    await waitFor(() => silent.every(({ closed }) => closed))
  })
})
