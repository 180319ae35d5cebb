import { afterEach, describe, expect, it } from 'vitest'
import { listenUpstream, rawClient, virtualClock, waitFor } from '../src/index.ts'
import type { ListeningUpstream, ListenUpstreamOptions, UpstreamHandler } from '../src/index.ts'

const upstreams: ListeningUpstream[] = []
afterEach(async () => {
  for (const upstream of upstreams.splice(0)) await upstream.close()
})

async function listen(handler?: UpstreamHandler, options?: ListenUpstreamOptions): Promise<ListeningUpstream> {
  const upstream = await listenUpstream(handler, options)
  upstreams.push(upstream)
  return upstream
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

describe('listenUpstream', () => {
  it('is an ordinary server', async () => {
    const upstream = await listen()
    const reply = await fetch(`${upstream.url}/path`, { method: 'POST', body: 'content' })
    expect(await reply.json()).toMatchObject({ method: 'POST', path: '/path', body: 'content' })
    expect(upstream.requests[0]).toMatchObject({ method: 'POST', path: '/path', target: upstream.url })
    expect(upstream.requests[0]?.header('HOST')).toBe(`127.0.0.1:${upstream.port}`)
    expect(upstream.requests[0]?.body.toString()).toBe('content')
  })

  it('records a chunked body and its trailers', async () => {
    const upstream = await listen()
    const client = await rawClient({ port: upstream.port })
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: 1\r\n\r\n',
    )
    expect((await client.readResponse()).status).toBe(200)
    expect(upstream.requests[0]?.body.toString()).toBe('abc')
    expect(upstream.requests[0]?.trailers).toEqual([['X-Sum', '1']])
    expect(upstream.requests[0]?.headers).toEqual([
      ['Host', 'a'],
      ['Transfer-Encoding', 'chunked'],
    ])
  })

  it('counts connections, and keeps them for further requests', async () => {
    const upstream = await listen()
    const [one, two] = [await rawClient({ port: upstream.port }), await rawClient({ port: upstream.port })]
    for (let i = 0; i < 3; i++) {
      one.write(GET)
      expect((await one.readResponse()).status).toBe(200)
    }
    await waitFor(() => upstream.connections === 2)
    two.destroy()
    await waitFor(() => upstream.connections === 1)
    expect([upstream.totalConnections, upstream.requests.length]).toEqual([2, 3])
    upstream.reset()
    expect([upstream.totalConnections, upstream.requests.length]).toEqual([2, 0])
  })

  it('records a request with its head, and that its client left within the body', async () => {
    const upstream = await listen()
    const client = await rawClient({ port: upstream.port })
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf')
    await waitFor(() => upstream.requests[0]?.body.toString() === 'half')
    expect(upstream.requests[0]).toMatchObject({ complete: false, aborted: false })
    client.reset()
    await waitFor(() => upstream.requests[0]?.aborted === true)
    expect(upstream.requests[0]?.complete).toBe(false)
  })

  it('records that its client left before the answer', async () => {
    const upstream = await listen(() => ({ hang: true }))
    const client = await rawClient({ port: upstream.port })
    client.write(GET)
    await waitFor(() => upstream.requests[0]?.complete === true)
    expect(upstream.requests[0]?.aborted).toBe(false)
    client.destroy()
    await waitFor(() => upstream.requests[0]?.aborted === true && upstream.connections === 0)
  })

  it('waits on its clock', async () => {
    const clock = virtualClock()
    const upstream = await listen(() => ({ delayMs: 60_000, body: 'late' }), { clock })
    const client = await rawClient({ port: upstream.port })
    client.write(GET)
    await waitFor(() => clock.pending === 1)
    expect(client.received.length).toBe(0)
    clock.advance(60_000)
    expect((await client.readResponse()).body.toString()).toBe('late')
  })

  it('waits for a client that does not read, and cleans up when it leaves', async () => {
    let made = 0
    let cleanedUp = false
    const body = async function* () {
      try {
        for (; made < 1_000; made++) yield Buffer.alloc(65_536)
      } finally {
        cleanedUp = true
      }
    }
    const upstream = await listen(() => ({ body: body() }))
    const client = await rawClient({ port: upstream.port })
    client.pause()
    client.write(GET)
    await waitFor(() => made > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(made).toBeLessThan(500)
    expect(cleanedUp).toBe(false)
    client.reset()
    await waitFor(() => cleanedUp && upstream.requests[0]?.aborted === true)
  })

  it('closes with connections open', async () => {
    const upstream = await listenUpstream(() => ({ hang: true }))
    const client = await rawClient({ port: upstream.port })
    client.write(GET)
    await waitFor(() => upstream.requests.length === 1)
    await upstream.close()
    expect(await client.closed).toMatch(/end|reset/)
    expect(upstream.connections).toBe(0)
  })
})
