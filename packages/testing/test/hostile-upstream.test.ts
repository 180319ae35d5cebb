import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { hostileUpstream, rawClient, waitFor } from '../src/index.ts'
import type { HostileBehaviour, HostileUpstream, RawClient } from '../src/index.ts'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

async function hostile(behaviour: HostileBehaviour): Promise<HostileUpstream> {
  const peer = await hostileUpstream(behaviour)
  cleanUps.push(async () => await peer.close())
  return peer
}

/** A client that has sent a request. */
async function asked(peer: HostileUpstream, request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'): Promise<RawClient> {
  const client = await rawClient({ port: peer.port })
  cleanUps.unshift(async () => client.destroy())
  client.write(request)
  return client
}

/** Everything that a client gets to see of a behaviour that ends the connection. */
async function outcome(behaviour: HostileBehaviour): Promise<[string, string]> {
  const client = await asked(await hostile(behaviour))
  const end = await client.closed
  return [client.received.toString('latin1'), end]
}

const BEGINNING = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789'

describe('hostileUpstream', () => {
  it('refuse: nobody listens, for as long as the port is held', async () => {
    const peer = await hostile({ kind: 'refuse' })
    for (let i = 0; i < 5; i++)
      await expect(rawClient({ port: peer.port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(peer).toMatchObject({ connections: 0, totalConnections: 0, url: `http://127.0.0.1:${peer.port}` })
  })

  it('hang-connect: neither connected nor refused', async () => {
    const peer = await hostile({ kind: 'hang-connect' })
    const events: string[] = []
    const sockets = Array.from({ length: 3 }, () => {
      const socket = connect(peer.port, '127.0.0.1')
      for (const event of ['connect', 'error', 'close']) socket.on(event, () => events.push(event))
      return socket
    })
    await sleep(80)
    expect(events).toEqual([])
    expect(sockets.every((socket) => socket.connecting)).toBe(true)
    for (const socket of sockets) socket.destroy()
  })

  it('accept-and-hang: reads, keeps what arrived, and sees the client go', async () => {
    const peer = await hostile({ kind: 'accept-and-hang' })
    const client = await asked(peer)
    const other = await asked(peer, 'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody')
    await waitFor(() => peer.received[0]?.length === 27 && peer.received[1]?.includes('body') === true)
    expect(peer.received[0]?.toString()).toBe('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect([peer.connections, peer.totalConnections]).toEqual([2, 2])
    expect(client.received.length).toBe(0)
    client.destroy()
    other.reset()
    await waitFor(() => peer.connections === 0)
    expect(peer.totalConnections).toBe(2)
  })

  it('resets at each stage', async () => {
    expect(await outcome({ kind: 'reset-after-head-received' })).toEqual(['', 'reset'])
    expect(await outcome({ kind: 'reset-mid-head' })).toEqual(['HTTP/1.1 200 OK\r\nContent-Le', 'reset'])
    expect(await outcome({ kind: 'reset-mid-head', head: 'HTT' })).toEqual(['HTT', 'reset'])
    expect(await outcome({ kind: 'reset-mid-body' })).toEqual([BEGINNING, 'reset'])
  })

  it('reset-on-accept: before a byte, during or after the connect', async () => {
    const peer = await hostile({ kind: 'reset-on-accept' })
    const codes: unknown[] = []
    for (let i = 0; i < 3; i++) {
      const socket = connect(peer.port, '127.0.0.1')
      socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code))
      await new Promise((resolve) => socket.once('close', resolve))
      expect(socket.bytesRead).toBe(0)
    }
    expect(codes).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET'])
    await waitFor(() => peer.connections === 0)
    expect(peer.totalConnections).toBe(3)
  })

  it('waits for the whole head before it resets', async () => {
    const peer = await hostile({ kind: 'reset-after-head-received' })
    const client = await asked(peer, 'GET / HTTP/1.1\r\nHost: a\r\n')
    await sleep(20)
    expect(peer.connections).toBe(1)
    client.write('\r\n')
    expect(await client.closed).toBe('reset')
    expect(peer.received[0]?.toString()).toContain('Host: a\r\n\r\n')
  })

  it('ends in order, but too early', async () => {
    expect(await outcome({ kind: 'fin-mid-body' })).toEqual([BEGINNING, 'end'])
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    expect(await outcome({ kind: 'fin-mid-chunk' })).toEqual([`${chunked}a\r\n01234`, 'end'])
    expect(await outcome({ kind: 'fin-between-chunks' })).toEqual([`${chunked}a\r\n0123456789\r\n`, 'end'])
    const [short, end] = await outcome({ kind: 'short-content-length' })
    expect([short.slice(-4), end]).toEqual(['hell', 'end'])
  })

  it('stall-mid-body: falls silent', async () => {
    const client = await asked(await hostile({ kind: 'stall-mid-body' }))
    await client.readUntil('0123456789')
    await expect(client.readUntil((unread) => unread.length > 0, 30)).rejects.toThrow('in vain')
  })

  it('says more than it should', async () => {
    const surplus = await (await asked(await hostile({ kind: 'long-content-length' }))).readResponse()
    expect([surplus.body.toString(), surplus.leftover.toString()]).toEqual(['hello', 'surplus'])
    const second = await asked(await hostile({ kind: 'second-head' }))
    const first = await second.readResponse()
    expect([first.body.toString(), first.leftover.length > 0]).toEqual(['hello', true])
    expect((await second.readResponse()).body.toString()).toBe('again')
  })

  it('says what is no HTTP', async () => {
    const badLine = await asked(await hostile({ kind: 'bad-status-line' }))
    await expect(badLine.readResponse()).rejects.toThrow('2x0')
    const ownLine = await asked(await hostile({ kind: 'bad-status-line', line: 'ICY 200 OK' }))
    await expect(ownLine.readResponse()).rejects.toThrow('ICY')
    const badSize = await asked(await hostile({ kind: 'bad-chunk-size', size: '-1' }))
    await expect(badSize.readResponse()).rejects.toThrow('"-1"')
    const bareNewline = await asked(await hostile({ kind: 'bad-chunk-size' }))
    expect((await bareNewline.readUntil('hello')).toString()).toContain('\r\n\r\n5;\n\r\nhello')
    const both = await (await asked(await hostile({ kind: 'content-length-and-chunked' }))).readUntil('0\r\n\r\n')
    expect(both.toString()).toMatch(/Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello/)
  })

  it('huge-head: has at least as many bytes as asked for', async () => {
    const client = await asked(await hostile({ kind: 'huge-head', bytes: 200_000 }))
    const head = await client.readUntil('\r\n\r\n')
    expect(head.length).toBeGreaterThanOrEqual(200_000)
    expect(head.length).toBeLessThan(202_000)
  })

  it('drip: a byte at a time, until the reply is whole', async () => {
    const head = await asked(await hostile({ kind: 'drip', part: 'head', everyMs: 1 }))
    await head.readUntil('H')
    expect(head.received.length).toBeLessThan(20)
    expect(await head.readUntil('hello')).toBeTruthy()
    const body = await asked(await hostile({ kind: 'drip', part: 'body', everyMs: 5 }))
    const sizes = new Set<number>()
    body.socket.on('data', () => sizes.add(body.received.length))
    const response = await body.readResponse()
    expect([response.body.toString(), response.complete]).toEqual(['hello', true])
    expect(sizes.size).toBeGreaterThan(3)
  })

  it('close-idle-after-reply: leaves when idle', async () => {
    const soon = await asked(await hostile({ kind: 'close-idle-after-reply', when: 'idle' }))
    expect((await soon.readResponse()).complete).toBe(true)
    expect(await soon.closed).toBe('end')
    const later = await asked(
      await hostile({ kind: 'close-idle-after-reply', when: 'idle', leave: 'reset', afterMs: 30 }),
    )
    expect((await later.readResponse()).complete).toBe(true)
    expect(await Promise.race([later.closed, sleep(5, 'open')])).toBe('open')
    expect(await later.closed).toBe('reset')
  })

  it('close-idle-after-reply: leaves when the second request arrives', async () => {
    for (const [leave, end] of [
      ['fin', 'end'],
      ['reset', 'reset'],
    ] as const) {
      const peer = await hostile({ kind: 'close-idle-after-reply', when: 'second-request', leave })
      const client = await asked(peer)
      expect((await client.readResponse()).body.toString()).toBe('hello')
      expect(await Promise.race([client.closed, sleep(15, 'open')])).toBe('open')
      client.write('GET /second HTTP/1.1\r\nHost: a\r\n\r\n')
      expect(await client.closed).toBe(end)
      expect(client.received.toString().match(/HTTP\/1\.1/g)).toHaveLength(1)
      expect(peer.received[0]?.toString()).toContain('/second')
    }
  })

  it('never-reads: the sender has to wait', async () => {
    const peer = await hostile({ kind: 'never-reads' })
    const client = await asked(peer)
    client.write(Buffer.alloc(16 * 1_048_576))
    await sleep(50)
    expect(client.socket.writableLength).toBeGreaterThan(0)
    expect(peer.received[0]?.length).toBe(0)
    client.reset()
  })

  it('raw: these bytes, to each request', async () => {
    const peer = await hostile({ kind: 'raw', bytes: 'HTTP/1.1 204 \xe9\r\n\r\n' })
    const client = await asked(peer)
    expect((await client.readResponse()).reason).toBe('\xe9')
    client.write('GET /2 HTTP/1.1\r\n\r\n')
    expect((await client.readResponse()).status).toBe(204)
    const [bytes, end] = await outcome({ kind: 'raw', bytes: Buffer.from([1, 2, 255]), leave: 'fin' })
    expect([bytes, end]).toEqual(['\x01\x02\xff', 'end'])
    expect(await outcome({ kind: 'raw', bytes: 'x', leave: 'reset' })).toEqual(['x', 'reset'])
  })

  it('early-response: answers before the body, and is gone', async () => {
    const peer = await hostile({ kind: 'early-response' })
    const client = await asked(peer, 'POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n')
    const response = await client.readResponse()
    expect([response.status, response.body.toString(), response.header('connection')]).toEqual([413, 'early', 'close'])
    await waitFor(() => peer.connections === 0)
    const denied = await asked(await hostile({ kind: 'early-response', status: 401 }))
    expect((await denied.readResponse()).reason).toBe('Unauthorized')
  })

  it('close: ends what is open, and frees the port', async () => {
    const peer = await hostileUpstream({ kind: 'drip', part: 'head', everyMs: 1_000 })
    const client = await asked(peer)
    await waitFor(() => peer.connections === 1)
    await peer.close()
    expect(await client.closed).toMatch(/end|reset/)
    await expect(rawClient({ port: peer.port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
