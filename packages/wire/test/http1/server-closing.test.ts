import { connect as connectTcp } from 'node:net'
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { Body } from '../../src/index.ts'
import { ManualSource, RecordingSink } from '../recording.ts'
import { answer, get, post, respond, serve } from './serve.ts'

describe('a client that leaves', () => {
  it.each([
    ['by RST', false],
    ['by FIN', false],
    ['by RST, half-open clients being served', true],
  ])('%s, aborts its request', async (how, allowHalfOpen) => {
    const { connect, requests, aborts, ends, server } = await serve(() => {}, { allowHalfOpen })
    const client = await connect()
    client.write(get())
    await waitFor(() => requests.length === 1)
    if (how === 'by FIN') client.end()
    else client.reset()
    await waitFor(() => aborts.length === 1 && server.connections === 0)
    expect(ends).toEqual(aborts)
    answer(requests[0]!)
  })

  it('takes its half-read body and its reply along', async () => {
    const source = new ManualSource()
    const sink = new RecordingSink()
    const { connect, requests } = await serve((request) => {
      request.body.pipe(sink)
      respond(request, Body.from(source))
    })
    const client = await connect()
    client.write(post(10, 'abc'))
    await waitFor(() => requests.length === 1 && source.sink !== undefined)
    client.reset()
    await waitFor(() => sink.state instanceof Error && source.cancelledWith instanceof Error)
  })

  it('is noticed while its whole request waits, though its body had asked to pause', async () => {
    const { connect, requests, aborts } = await serve((request) => request.body.pipe(new RecordingSink(1)))
    const client = await connect()
    client.write(post(100, 'x'.repeat(100)))
    await waitFor(() => requests[0]?.isComplete === true)
    client.reset()
    await waitFor(() => aborts.length === 1)
  })
})

describe('a client that ends its side, where half-open clients are served', () => {
  it('still gets its reply, and then a FIN', async () => {
    const { connect, requests } = await serve(() => {}, { allowHalfOpen: true })
    const client = await connect()
    client.write(get())
    client.end()
    await waitFor(() => requests[0]?.connection.socket.readableEnded === true)
    answer(requests[0]!)
    const reply = await client.readResponse()
    expect([reply.status, reply.header('connection')]).toEqual([200, 'close'])
    expect(await client.closed).toBe('end')
  })

  it('gets the reply of whoever read the half of its body', async () => {
    const { connect, server } = await serve(
      (request) => void request.body.bytes().catch(() => answer(request, 'half', 400)),
      { allowHalfOpen: true },
    )
    const client = await connect()
    client.write(post(10, 'abc'))
    client.end()
    expect((await client.readResponse()).status).toBe(400)
    await waitFor(() => server.connections === 0)
  })
})

describe('closing a server', () => {
  it('closes what is idle at once, and the rest behind its reply', async () => {
    const { connect, requests, server, pass } = await serve(() => {})
    const [idle, fresh, busy] = [await connect(), await connect(), await connect()]
    idle.write(get('/idle'))
    await waitFor(() => requests.length === 1)
    answer(requests[0]!)
    await idle.readResponse()
    busy.write(get('/busy'))
    await waitFor(() => requests.length === 2)
    let isClosed = false
    const closing = server.close().then(() => (isClosed = true))
    await Promise.all([idle.closed, fresh.closed])
    await pass(1_000)
    expect([isClosed, server.connections]).toEqual([false, 1])
    answer(requests[1]!)
    expect((await busy.readResponse()).header('connection')).toBe('close')
    await closing
    expect(server.connections).toBe(0)
  })

  it('does not cut off a reply that is still on its way', async () => {
    const size = 16 * 1_048_576
    const { connect, requests, server, ends } = await serve((request) => respond(request, Body.of(Buffer.alloc(size))))
    const client = await connect()
    client.pause()
    client.write(get())
    await waitFor(() => requests.length === 1 && ends.length === 1)
    const closing = server.close()
    client.resume()
    expect(await client.closed).toBe('end')
    expect(client.socket.bytesRead).toBeGreaterThan(size)
    await closing
  })

  it('answers a request that is on its way', async () => {
    const { connect, requests, server } = await serve((request) => answer(request))
    const client = await connect()
    client.write(get())
    await client.readResponse()
    client.write('GET / HTTP/1.1\r\nHo')
    await waitFor(() => requests[0]!.connection.socket.bytesRead === client.socket.bytesWritten)
    const closing = server.close()
    client.write('st: a\r\n\r\n')
    expect((await client.readResponse()).header('connection')).toBe('close')
    await closing
  })
})

it('refuses connections beyond the most it takes, and serves the others on', async () => {
  const { connect, port, server } = await serve((request) => answer(request), { maxConnections: 2 })
  const [first, second] = [await connect(), await connect()]
  await waitFor(() => server.connections === 2)
  const third = connectTcp(port, '127.0.0.1')
  third.on('error', () => {})
  await new Promise((resolve) => third.once('close', resolve).resume())
  for (const client of [first, second]) {
    client.write(get())
    expect((await client.readResponse()).status).toBe(200)
  }
  first.destroy()
  await waitFor(() => server.connections === 1)
  const fourth = await connect()
  fourth.write(get())
  expect((await fourth.readResponse()).status).toBe(200)
})

describe('a callback that throws', () => {
  const boom = new Error('boom')

  it('resets its connection and is reported, and the server goes on', async () => {
    const served = await serve((request) => {
      if (request.head.target === '/boom') throw boom
      answer(request)
    })
    const client = await served.connect()
    client.write(get('/boom'))
    expect(await client.closed).toBe('reset')
    expect(served.errors).toEqual([boom])
    expect(served.aborts).toHaveLength(1)
    const other = await served.connect()
    other.write(get())
    expect((await other.readResponse()).status).toBe(200)
  })

  it('behind its reply, which was the last, closes its connection', async () => {
    const served = await serve((request) => {
      respond(request, Body.of('last'), 200, true)
      throw boom
    })
    const client = await served.connect()
    client.write(get())
    expect((await client.readResponse()).body.toString()).toBe('last')
    await waitFor(() => served.server.connections === 0)
    expect(served.errors).toEqual([boom])
  })

  it('within the body does so too', async () => {
    const served = await serve((request) => {
      const sink = new RecordingSink()
      sink.write = () => {
        throw boom
      }
      request.body.pipe(sink)
    })
    const client = await served.connect()
    client.write(post(3, 'abc'))
    expect(await client.closed).toBe('reset')
    expect(served.errors).toEqual([boom])
  })
})
