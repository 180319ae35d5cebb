import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import type { IncomingRequest } from '../../src/index.ts'
import { Body } from '../../src/index.ts'
import { ManualSource } from '../recording.ts'
import { answer, get, post, respond, serve } from './serve.ts'

const byPath = (request: IncomingRequest): void => answer(request, request.head.target)

describe('a connection is kept', () => {
  it.each([
    ['HTTP/1.1', get(), undefined],
    ['HTTP/1.0 that asks for it', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 'keep-alive'],
    ['other connection options', get('/', 'Connection: foo, bar\r\n'), undefined],
  ])('after %s', async (_name, request, expected) => {
    const { connect } = await serve(byPath)
    const client = await connect()
    for (let i = 0; i < 3; i++) {
      client.write(request)
      const reply = await client.readResponse()
      expect(reply).toMatchObject({ status: 200, complete: true })
      expect(reply.header('connection')).toBe(expected)
      expect(reply.header('date')).toBe('Sat, 03 Feb 2001 04:05:06 GMT')
    }
  })

  it('after a body that came chunked, trailers included', async () => {
    const { connect } = await serve((request) => {
      void request.body.text().then((text) => answer(request, text))
    })
    const client = await connect()
    for (const text of ['abc', 'def']) {
      client.write(
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n${text}\r\n0\r\nX: y\r\n\r\n`,
      )
      expect((await client.readResponse()).body.toString()).toBe(text)
    }
  })
})

describe('a connection is closed, and says so', () => {
  it.each([
    ['after Connection: close', get('/', 'Connection: close\r\n')],
    ['after Connection: Close among others', get('/', 'Connection: foo, Close\r\n')],
    ['after HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['after a switch of protocols that was not made', get('/', 'Connection: Upgrade\r\nUpgrade: x\r\n')],
  ])('%s', async (_name, request) => {
    const { connect, server } = await serve(byPath)
    const client = await connect()
    client.write(request + get('/hidden'))
    const reply = await client.readResponse()
    expect(reply.header('connection')).toBe('close')
    expect(await client.closed).toBe('end')
    expect(reply.leftover.toString()).toBe('')
    await waitFor(() => server.connections === 0)
  })

  it('after as many requests as it may serve', async () => {
    const { connect } = await serve(byPath, { maxRequests: 2 })
    const client = await connect()
    client.write(get('/1') + get('/2') + get('/3'))
    expect((await client.readResponse()).header('connection')).toBeUndefined()
    expect((await client.readResponse()).header('connection')).toBe('close')
    expect(await client.closed).toBe('end')
  })

  it('once it is as old as it may be', async () => {
    const { connect, pass } = await serve(byPath, { maxAgeMs: 3_000 })
    const client = await connect()
    client.write(get())
    expect((await client.readResponse()).header('connection')).toBeUndefined()
    await pass(3_000)
    client.write(get())
    expect((await client.readResponse()).header('connection')).toBe('close')
    expect(await client.closed).toBe('end')
  })

  it('at the end of a reply without a length to HTTP/1.0', async () => {
    const { connect } = await serve((request) => {
      const source = new ManualSource()
      respond(request, Body.from(source))
      source.write('until the end')
      source.sink!.end()
    })
    const client = await connect()
    client.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    const reply = await client.readResponse()
    expect(reply.header('transfer-encoding')).toBeUndefined()
    expect(reply).toMatchObject({ complete: true })
    expect(reply.body.toString()).toBe('until the end')
  })
})

describe('pipelined requests', () => {
  it('are answered in order, whenever their replies are ready', async () => {
    const { connect, requests } = await serve(() => {})
    const client = await connect()
    client.write(get('/1') + get('/2') + get('/3'))
    for (const path of ['/1', '/2', '/3']) {
      await waitFor(() => requests.at(-1)?.head.target === path)
      answer(requests.at(-1)!, path)
      expect((await client.readResponse()).body.toString()).toBe(path)
    }
  })

  it('are answered at once where their replies are, bodies among them', async () => {
    const { connect } = await serve((request) => {
      request.body.bytes().then(
        (body) => answer(request, `${request.head.method} ${body.toString()}`),
        () => {},
      )
    })
    const client = await connect()
    client.write(`${post(3, 'abc')}${get()}${post(4, 'defg')}${get()}`)
    const bodies: string[] = []
    for (let i = 0; i < 4; i++) bodies.push((await client.readResponse()).body.toString())
    expect(bodies).toEqual(['POST abc', 'GET ', 'POST defg', 'GET '])
  })

  it('do not pile up on the stack', async () => {
    const { connect } = await serve(byPath)
    const client = await connect()
    const many = 3_000
    client.write(get('/x').repeat(many))
    let seen = 0
    await client.readUntil(
      (unread) => (seen = unread.toString('latin1').split('HTTP/1.1 200').length - 1) === many,
      5_000,
    )
    expect(seen).toBe(many)
  })

  it('wait unread beyond a bound', async () => {
    const { connect, requests } = await serve(() => {})
    const client = await connect()
    client.write(get('/first'))
    await waitFor(() => requests.length === 1)
    const flood = Buffer.alloc(32 * 1_048_576, get('/next'))
    client.write(flood)
    const { connection } = requests[0]!
    await waitFor(() => connection.socket.isPaused() || (connection.pipelined?.byteLength ?? 0) >= 65_536)
    expect(connection.pipelined!.byteLength).toBeLessThan(3 * 65_536)
    expect(requests).toHaveLength(1)
  })

  it('that are cut off by a FIN still get their replies where half-open clients are served', async () => {
    const { connect, requests } = await serve(() => {}, { allowHalfOpen: true })
    const client = await connect()
    client.write(get('/1') + get('/2'))
    client.end()
    await waitFor(() => requests[0]?.connection.socket.readableEnded === true)
    for (let i = 0; i < 2; i++) {
      await waitFor(() => requests.length === i + 1)
      answer(requests[i]!, requests[i]!.head.target)
    }
    expect((await client.readResponse()).body.toString()).toBe('/1')
    expect((await client.readResponse()).body.toString()).toBe('/2')
    expect(await client.closed).toBe('end')
  })

  it('that wait until their replies have room are answered behind a FIN where half-open clients are served', async () => {
    const { connect, requests } = await serve((request) => answer(request, 'x'.repeat(4_096)), { allowHalfOpen: true })
    const client = await connect()
    client.pause()
    let asked = 0
    // Fewer bytes at a time than make the server stop reading.
    while (requests.length === asked) {
      client.write(get().repeat(500))
      asked += 500
      await waitFor(() => requests[0]?.connection.socket.bytesRead === client.socket.bytesWritten)
    }
    client.end()
    await waitFor(() => requests[0]!.connection.socket.readableEnded)
    expect(requests.length).toBeLessThan(asked)
    client.resume()
    expect(await client.closed).toBe('end')
    expect(requests).toHaveLength(asked)
    expect(client.received.toString('latin1').split('HTTP/1.1 200').length - 1).toBe(asked)
  })
})
