import { type RawClient, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { Body, type MessageError } from '../../src/index.ts'
import { unsentBytes } from '../../src/net/unsent-bytes.ts'
import { ManualSource, RecordingSink } from '../recording.ts'
import { answer, get, post, respond, serve, type Served } from './serve.ts'

/** Waits until the server has looked at all that was sent on the connection of the first request. */
async function arrival({ requests }: Served, client: RawClient): Promise<void> {
  await waitFor(() => requests[0]?.connection.socket.bytesRead === client.socket.bytesWritten)
}

describe('a client that is too slow', () => {
  it('is let go where it says nothing at all', async () => {
    const { connect, pass } = await serve((request) => answer(request))
    const client = await connect()
    await pass(4_999)
    expect(client.socket.destroyed).toBe(false)
    await pass(1)
    expect(await client.closed).toBe('end')
    expect(client.received).toHaveLength(0)
  })

  it('is let go where it is idle between requests, counted from the last reply', async () => {
    const { connect, pass, server } = await serve((request) => answer(request))
    const client = await connect()
    for (let i = 0; i < 3; i++) {
      await pass(4_000)
      client.write(get())
      expect((await client.readResponse()).status).toBe(200)
    }
    await pass(4_999)
    expect(server.connections).toBe(1)
    await pass(1)
    expect(await client.closed).toBe('end')
  })

  it('is let go where it is idle behind a reply that had to wait for it', async () => {
    const size = 16 * 1_048_576
    const { connect, pass, ends, requests, server } = await serve((request) =>
      respond(request, Body.of(Buffer.alloc(size))),
    )
    const client = await connect()
    client.pause()
    client.write(get())
    await waitFor(() => ends.length === 1 && requests[0]!.connection.socket.writableNeedDrain)
    client.resume()
    await waitFor(() => client.socket.bytesRead > size, { timeoutMs: 5_000 })
    await waitFor(() => !requests[0]!.connection.socket.writableNeedDrain)
    await pass(4_999)
    expect(server.connections).toBe(1)
    await pass(1)
    expect(await client.closed).toBe('end')
  })

  it('gets 408 where its head takes too long, however many bytes keep coming', async () => {
    const served = await serve((request) => answer(request))
    const client = await served.connect()
    client.write(get())
    await client.readResponse()
    for (const byte of 'GET / HTT') {
      client.write(byte)
      await arrival(served, client)
      await served.pass(100)
    }
    expect(served.server.connections).toBe(1)
    await served.pass(100)
    expect((await client.readResponse()).status).toBe(408)
    expect(await client.closed).toBe('end')
    expect(served.requests).toHaveLength(1)
  })

  it('is not kept by empty lines', async () => {
    const served = await serve((request) => answer(request))
    const client = await served.connect()
    client.write(get())
    await client.readResponse()
    client.write('\r\n')
    await arrival(served, client)
    await served.pass(1_000)
    expect((await client.readResponse()).status).toBe(408)
  })

  it('is told by whoever reads its body where that stops', async () => {
    const served = await serve((request) => {
      request.body.bytes().catch((error: unknown) => answer(request, (error as MessageError).fault, 408))
    })
    const client = await served.connect()
    client.write(post(10, 'ab'))
    await arrival(served, client)
    for (const byte of 'cdef') {
      await served.pass(1_900)
      client.write(byte)
      await arrival(served, client)
    }
    await served.pass(1_999)
    expect(client.received).toHaveLength(0)
    await served.pass(1)
    const reply = await client.readResponse()
    expect([reply.status, reply.header('connection'), reply.body.toString()]).toEqual([408, 'close', 'timeout'])
    expect(await client.closed).toBe('end')
  })

  it('is cut off where its body stops while its reply flows, though that had to wait for it', async () => {
    const { served, client, source } = await waitingUpload(post(10, 'ab'), 16)
    client.resume()
    await waitFor(() => source.asked.at(-1) === 'resume', { timeoutMs: 5_000 })
    await served.pass(1_999)
    expect(served.server.connections).toBe(1)
    await served.pass(1)
    await waitFor(() => served.server.connections === 0)
    expect(source.cancelledWith).toBeInstanceOf(Error)
  })

  it('gets 408 where its body never ends, though it is never silent', async () => {
    const served = await serve(
      (request) => {
        request.body.bytes().catch((error: unknown) => answer(request, (error as MessageError).fault, 408))
      },
      { requestTimeoutMs: 3_000 },
    )
    const client = await served.connect()
    client.write(post(100, 'a'))
    await waitFor(() => served.requests.length === 1)
    for (let i = 0; i < 2; i++) {
      await served.pass(1_000)
      client.write('b')
      await arrival(served, client)
    }
    await served.pass(1_000)
    expect((await client.readResponse()).status).toBe(408)
  })
})

describe('a client is not blamed', () => {
  it('while its request is answered', async () => {
    const served = await serve(() => {})
    const client = await served.connect()
    client.write(get())
    await waitFor(() => served.requests.length === 1)
    await served.pass(1_000_000)
    answer(served.requests[0]!)
    expect((await client.readResponse()).status).toBe(200)
  })

  it('while it waits for a 100', async () => {
    const served = await serve(() => {})
    const client = await served.connect()
    client.write(post(2, '', 'Expect: 100-continue\r\n'))
    await waitFor(() => served.requests.length === 1)
    await served.pass(1_000_000)
    const [request] = served.requests
    const text = request!.body.text()
    expect((await client.readResponse()).status).toBe(100)
    await served.pass(1_999)
    client.write('ab')
    expect(await text).toBe('ab')
    answer(request!)
    expect((await client.readResponse()).status).toBe(200)
  })

  it('while whoever reads its body takes his time', async () => {
    const served = await serve(() => {})
    const client = await served.connect()
    client.write(post(1_000_000, 'x'.repeat(1_000_000)))
    await waitFor(() => served.requests.length === 1)
    const [request] = served.requests
    const sink = new RecordingSink(1)
    request!.body.pipe(sink)
    await waitFor(() => sink.text.length > 0)
    await served.pass(1_000_000)
    expect(sink.state).toBe('open')
    sink.take()
    await waitFor(() => sink.state === 'ended')
    expect(sink.text).toHaveLength(1_000_000)
  })

  it('for reading a large reply slowly, as long as it reads', async () => {
    const size = 64 * 1_048_576
    const served = await serve((request) => respond(request, Body.of(Buffer.alloc(size)), 200, true))
    const client = await served.connect()
    client.pause()
    client.write(get())
    await waitFor(() => served.requests.length === 1)
    const { socket } = served.requests[0]!.connection
    for (let i = 0; i < 3; i++) {
      // Reading from a full buffer of its own does not tell the other side that it reads.
      const before = unsentBytes(socket)
      client.resume()
      await waitFor(() => unsentBytes(socket) < before, { intervalMs: 0 })
      client.pause()
      await served.pass(2_900)
    }
    client.resume()
    await waitFor(() => client.socket.bytesRead > size, { timeoutMs: 5_000 })
    expect(await client.closed).toBe('end')
  })
})

it.each([
  ['and the reply is whole', false],
  ['and the connection is to be closed', true],
])('a client that reads nothing is cut off, %s', async (_name, close) => {
  const served = await serve((request) => respond(request, Body.of(Buffer.alloc(24 * 1_048_576)), 200, close))
  const client = await served.connect()
  client.pause()
  client.write(get())
  await waitFor(() => served.requests.length === 1)
  // What the kernel still takes counts as progress; then there is none.
  for (let i = 0; i < 4; i++) await served.pass(5_000)
  await waitFor(() => served.server.connections === 0)
})

describe('a client that reads nothing is cut off', () => {
  it('and its small replies end, though it never stops asking', async () => {
    const served = await serve((request) => answer(request, 'x'.repeat(4_096)))
    const client = await served.connect()
    client.pause()
    client.write(get().repeat(4_000))
    await waitFor(() => served.requests[0]?.connection.socket.isPaused() === true)
    await served.pass(2_999)
    expect(served.server.connections).toBe(1)
    client.write(get())
    await served.pass(1)
    // What the kernel has still taken counted as progress; then there is none.
    await served.pass(3_000)
    await waitFor(() => served.server.connections === 0)
  })

  it('where what waits would not fill a buffer', async () => {
    const served = await serve((request) => answer(request, 'x'.repeat(8_000)))
    const { client, taken } = await waitingClient(served)
    await served.pass(5_000)
    await served.pass(2_999)
    expect(served.server.connections).toBe(1)
    await served.pass(1)
    await waitFor(() => served.server.connections === 0)
    await expectReset(client, taken)
  })

  it('where the server closes meanwhile', async () => {
    const served = await serve((request) => answer(request, 'x'.repeat(8_000)))
    const { client, taken } = await waitingClient(served)
    const closing = served.server.close()
    await served.pass(2_999)
    expect(served.server.connections).toBe(1)
    await served.pass(1)
    await closing
    await expectReset(client, taken)
  })

  it('where its own body has to wait for that', async () => {
    const served = await serve((request) => respond(request, request.body))
    const client = await served.connect()
    client.pause()
    const size = 64 * 1_048_576
    client.write(post(size))
    client.write(Buffer.alloc(size))
    await waitFor(() => served.requests[0]?.connection.socket.isPaused() === true)
    await served.pass(2_999)
    expect(served.server.connections).toBe(1)
    for (let i = 0; i < 4; i++) await served.pass(3_000)
    await waitFor(() => served.server.connections === 0)
    expect(served.ends).toEqual([expect.any(Error)])
  })

  it('where its body was complete before', async () => {
    const { served, client, source } = await waitingUpload(post(2, 'a'), 24)
    client.write('b')
    await waitFor(() => served.requests[0]!.isComplete)
    // What the kernel still takes counts as progress; then there is none.
    for (let i = 0; i < 4; i++) await served.pass(3_000)
    await waitFor(() => served.server.connections === 0)
    expect(source.cancelledWith).toBeInstanceOf(Error)
  })
})

/** A client that has asked until a reply has to wait for it, and is idle; `taken`: how many bytes the kernel has. */
async function waitingClient(served: Served): Promise<{ client: RawClient; taken: number }> {
  const client = await served.connect()
  client.pause()
  do {
    const asked = served.requests.length
    client.write(get())
    await waitFor(() => served.requests.length > asked, { intervalMs: 0 })
  } while (unsentBytes(served.requests[0]!.connection.socket) === 0)
  const { socket } = served.requests[0]!.connection
  expect(socket.writableLength).toBe(0)
  return { client, taken: socket.bytesWritten - unsentBytes(socket) }
}

/** A client that sends the beginning of an upload and does not read the reply, which has to wait for it. */
async function waitingUpload(
  beginning: string,
  replyMib: number,
): Promise<{ served: Served; client: RawClient; source: ManualSource }> {
  const source = new ManualSource()
  const served = await serve((request) => {
    request.body.pipe(new RecordingSink())
    respond(request, Body.from(source))
  })
  const client = await served.connect()
  client.pause()
  client.write(beginning)
  await waitFor(() => source.sink !== undefined)
  expect(source.write('x'.repeat(replyMib * 1_048_576))).toBe(false)
  return { served, client, source }
}

/** A reset drops what the kernel still had to send. (Not all versions of Node tell the two ends apart behind data.) */
async function expectReset(client: RawClient, taken: number): Promise<void> {
  client.resume()
  await client.closed
  expect(client.socket.bytesRead).toBeLessThan(taken)
}
