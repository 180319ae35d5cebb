/** Replies that come while the client is still sending. */
import { once } from 'node:events'
import { defineMiddleware, Reply } from '@sluice/core'
import { hostileUpstream, listenUpstream, rawClient, waitFor, type RawClient } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { COMBINATIONS } from './combinations.ts'
import { gateway } from './gateway.ts'

const MIB = 1_048_576
const UPLOAD = 10 * MIB
const PIECE = Buffer.alloc(65_536, 'x')

const opened = closing()

/** Sends an upload at the pace the other side takes it, until it is whole or the connection is gone. */
async function upload(client: RawClient, head: string, bytes: number): Promise<number> {
  const { socket } = client
  client.write(head)
  let sent = 0
  socket.on('error', () => {})
  const gone = new Promise((resolve) => socket.once('close', resolve))
  while (sent < bytes && !socket.destroyed && socket.writable) {
    sent += PIECE.length
    if (!socket.write(PIECE)) await Promise.race([once(socket, 'drain').catch(() => {}), gone])
  }
  return sent
}

describe.each(COMBINATIONS)('early replies, $name listener', (listener, transport) => {
  async function listening(gate: ReturnType<typeof gateway>) {
    return await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
  }

  it.each([
    ['a length', `Content-Length: ${UPLOAD}`],
    ['chunks', 'Transfer-Encoding: chunked'],
  ])('a refusal by a middleware reaches a client that uploads with %s', async (_, framing) => {
    const peer = opened(await listenUpstream())
    const refuse = defineMiddleware('refuse', () => new Reply(401, undefined, Body.of('who are you?')))
    const gate = opened(gateway({ targets: [peer.url], transport, use: refuse }))
    const { address } = await listening(gate)
    const client = await rawClient({ port: address.port })
    // Chunked: one chunk of the whole size.
    const chunk = framing.startsWith('T') ? `${UPLOAD.toString(16)}\r\n` : ''
    const uploading = upload(client, `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${chunk}`, UPLOAD)
    const response = await client.readResponse()
    expect(response).toMatchObject({ status: 401, complete: true })
    expect(response.body.toString()).toBe('who are you?')
    expect(response.header('connection')).toBe('close')
    await client.closed
    // What the proxy reads is bounded; the rest is what the kernels hold.
    expect(await uploading).toBeLessThan(UPLOAD)
    expect(peer.requests).toHaveLength(0)
    await gate.settled()
    client.destroy()
  })

  it('an upload that ends soon after the refusal keeps its connection whole', async () => {
    const refuse = defineMiddleware('refuse', () => new Reply(413, undefined, Body.of('too much')))
    const gate = opened(gateway({ targets: ['http://127.0.0.1:9'], transport, use: refuse }))
    const { address } = await listening(gate)
    const client = opened(closable(await rawClient({ port: address.port })))
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n`)
    client.write('x'.repeat(100_000))
    const response = await client.readResponse()
    expect(response).toMatchObject({ status: 413, complete: true })
    client.write('x'.repeat(100_000))
    expect(await client.closed).toBe('end')
  })

  it('an upstream that answers early and closes is heard', async () => {
    const peer = opened(await hostileUpstream({ kind: 'early-response' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const { address } = await listening(gate)
    const client = opened(closable(await rawClient({ port: address.port })))
    const uploading = upload(client, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${UPLOAD}\r\n\r\n`, UPLOAD)
    const response = await client.readResponse()
    expect(response).toMatchObject({ status: 413, complete: true })
    expect(response.body.toString()).toBe('early')
    await client.closed
    await uploading
    await gate.settled()
    await waitFor(() => peer.connections === 0)
  })

  it('an upstream that answers early and keeps its connection is heard at once', async () => {
    const reply = 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'
    const peer = opened(await hostileUpstream({ kind: 'raw', bytes: reply }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const { address } = await listening(gate)
    const client = opened(closable(await rawClient({ port: address.port })))
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc')
    const response = await client.readResponse()
    expect(response).toMatchObject({ status: 403, complete: true })
    client.write('x'.repeat(999_997))
    await client.closed
    await gate.settled()
    await waitFor(() => peer.connections === 0)
  })
})

function closable(client: RawClient): RawClient & { close(): void } {
  return Object.assign(client, { close: () => client.destroy() })
}
