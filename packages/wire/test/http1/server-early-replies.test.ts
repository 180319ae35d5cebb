import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { Body, HeaderList, type IncomingRequest, type MessageError } from '../../src/index.ts'
import { EagerSource, ManualSource, RecordingSink } from '../recording.ts'
import { answer, get, post, respond, serve } from './serve.ts'

describe('Expect: 100-continue', () => {
  const EXPECT = 'Expect: 100-continue\r\n'

  it('is answered when the body is first read, once', async () => {
    const { connect, requests } = await serve(() => {})
    const client = await connect()
    client.write(post(4, '', EXPECT))
    await waitFor(() => requests.length === 1)
    expect(client.received).toHaveLength(0)
    const text = requests[0]!.body.text()
    expect((await client.readResponse()).status).toBe(100)
    client.write('abcd')
    answer(requests[0]!, await text)
    expect((await client.readResponse()).body.toString()).toBe('abcd')
    client.write(get())
    await waitFor(() => requests.length === 2)
  })

  it.each([
    ['a final reply takes its place', post(4, '', EXPECT)],
    ['HTTP/1.0 does not know it', 'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n'],
  ])('is not answered where %s', async (_name, request) => {
    const { connect } = await serve((each) => answer(each, 'no', 417))
    const client = await connect()
    client.write(request)
    expect(await client.readResponse()).toMatchObject({ status: 417 })
    expect(await client.closed).toBe('end')
    expect(client.received.toString()).not.toContain('100 Continue')
  })

  it('is not answered where the body has come without waiting', async () => {
    const { connect } = await serve((request) => void request.body.text().then((text) => answer(request, text)))
    const client = await connect()
    client.write(post(2, 'ab', EXPECT))
    // A client that did not wait may still be told to go on: it has to ignore that.
    const first = await client.readResponse()
    const last = first.status === 100 ? await client.readResponse() : first
    expect(last.body.toString()).toBe('ab')
  })
})

describe('interim replies', () => {
  it('go out before the final one, and only then', async () => {
    const { connect } = await serve((request) => {
      request.informational(103, new HeaderList({ Link: '</a>' }))
      answer(request)
      request.informational(103, new HeaderList())
    })
    const client = await connect()
    client.write(get())
    expect((await client.readResponse()).header('link')).toBe('</a>')
    expect(await client.readResponse()).toMatchObject({ status: 200, leftover: Buffer.alloc(0) })
  })

  it('are kept from HTTP/1.0', async () => {
    const { connect } = await serve((request) => {
      request.informational(103, new HeaderList())
      answer(request)
    })
    const client = await connect()
    client.write('GET / HTTP/1.0\r\n\r\n')
    expect((await client.readResponse()).status).toBe(200)
  })
})

describe('a reply before the body is there', () => {
  const refuse = (request: IncomingRequest): void => answer(request, 'too large', 413)

  it('arrives though the client still sends, and the connection is closed in order', async () => {
    const { connect, server } = await serve(refuse)
    const client = await connect()
    client.write(post(90_000, 'x'.repeat(1_000)))
    const reply = await client.readResponse()
    expect([reply.status, reply.header('connection')]).toEqual([413, 'close'])
    client.write('x'.repeat(89_000))
    expect(await client.closed).toBe('end')
    await waitFor(() => server.connections === 0)
  })

  it('lets the client send no more than the bound', async () => {
    const { connect, server, requests } = await serve(refuse, { drainBytes: 10_000 })
    const client = await connect()
    client.write(post(1_000_000_000, 'x'))
    expect((await client.readResponse()).status).toBe(413)
    const chunk = Buffer.alloc(50_000)
    client.write(chunk)
    await waitFor(() => requests[0]!.connection.socket.bytesRead > 10_000)
    client.destroy()
    await waitFor(() => server.connections === 0)
  })

  it('lets the client take no longer than the bound, however it drips', async () => {
    const { connect, server, requests, pass } = await serve(refuse)
    const client = await connect()
    client.socket.allowHalfOpen = true
    client.write(post(1_000, 'x'))
    expect((await client.readResponse()).status).toBe(413)
    for (let i = 0; i < 4; i++) {
      client.write('x')
      await waitFor(() => requests[0]!.connection.socket.bytesRead === client.socket.bytesWritten)
      await pass(100)
    }
    expect(server.connections).toBe(1)
    await pass(100)
    await waitFor(() => server.connections === 0)
  })

  it('keeps the connection where the body had come along', async () => {
    const { connect } = await serve((request) => answer(request, 'unread'))
    const client = await connect()
    for (let i = 0; i < 2; i++) {
      client.write(post(5, 'hello'))
      expect((await client.readResponse()).header('connection')).toBeUndefined()
    }
  })

  it('is given to a client that reads nothing before it has sent all', async () => {
    const large = 8 * 1_048_576
    const { connect, requests } = await serve((request) => request.body.cancel())
    const client = await connect()
    client.pause()
    client.write(post(large))
    const sent = new Promise<void>((resolve, reject) => {
      client.socket.write(Buffer.alloc(large), (error) => (error ? reject(error) : resolve()))
    })
    await waitFor(() => requests[0]?.connection.socket.isPaused() === true)
    respond(requests[0]!, Body.from(new EagerSource(Array.from({ length: 128 }, () => 'x'.repeat(65_536))), large), 413)
    await sent
    client.resume()
    await waitFor(() => client.socket.bytesRead > large, { timeoutMs: 5_000 })
  })

  it.each([
    ['too many bytes', 10, 0],
    ['too long a time', 100_000, 500],
  ])('tells whoever reads the body that the rest is not waited for: %s', async (_name, drainBytes, passes) => {
    const sink = new RecordingSink()
    const { connect, pass, requests } = await serve(
      (request) => {
        request.body.pipe(sink)
        answer(request, 'early', 200)
      },
      { drainBytes },
    )
    const client = await connect()
    client.write(post(1_000, 'x'))
    expect((await client.readResponse()).body.toString()).toBe('early')
    client.write('x'.repeat(20))
    await waitFor(() => requests[0]!.connection.socket.bytesRead === client.socket.bytesWritten)
    await pass(passes)
    await waitFor(() => sink.state instanceof Error)
  })
})

describe('a body that breaks the rules', () => {
  it('is told to its reader, whose reply closes the connection', async () => {
    const { connect, server } = await serve((request) => {
      request.body.bytes().catch((error: unknown) => answer(request, (error as MessageError).fault, 400))
    })
    const client = await connect()
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX')
    const reply = await client.readResponse()
    expect([reply.status, reply.header('connection'), reply.body.toString()]).toEqual([400, 'close', 'malformed'])
    expect(await client.closed).toBe('end')
    await waitFor(() => server.connections === 0)
  })

  it('breaks a reply that has begun', async () => {
    const { connect, aborts } = await serve((request) => {
      request.body.pipe(new RecordingSink())
      respond(request, Body.from(new ManualSource()))
    })
    const client = await connect()
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
    await client.readUntil('200 OK')
    client.write('X')
    expect(await client.closed).not.toBe('end')
    await waitFor(() => aborts.length === 1)
  })
})

describe('what a reply is made of', () => {
  it('can not make the next one: a body longer than was announced resets the connection', async () => {
    const source = new ManualSource()
    const { connect, ends } = await serve((request) => respond(request, Body.from(source, 3)))
    const client = await connect()
    client.write(get())
    await waitFor(() => source.sink !== undefined)
    source.write('abc')
    source.write('HTTP/1.1 200 OK\r\n\r\n')
    await client.closed
    expect(client.received.toString()).not.toContain('abcHTTP')
    expect(ends[0]).toBeInstanceOf(Error)
    expect(source.cancelledWith).toBeInstanceOf(Error)
  })

  it('can not be half of it: a body shorter than was announced resets the connection', async () => {
    const source = new ManualSource()
    const { connect, ends } = await serve((request) => respond(request, Body.from(source, 3)))
    const client = await connect()
    client.write(get())
    await waitFor(() => source.sink !== undefined)
    source.write('ab')
    source.sink!.end()
    await client.closed
    expect(client.received.toString()).toMatch(/\r\n\r\nab$/)
    expect(ends[0]).toBeInstanceOf(Error)
  })

  it('has no body for HEAD, whatever it was given', async () => {
    const { connect } = await serve((request) => answer(request, 'dropped'))
    const client = await connect()
    client.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
    const reply = await client.readResponse({ bodyless: true })
    expect([reply.header('content-length'), reply.leftover.toString()]).toEqual(['7', ''])
    client.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect((await client.readResponse({ bodyless: true })).status).toBe(200)
  })
})
