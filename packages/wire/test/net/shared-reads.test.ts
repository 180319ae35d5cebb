import { createServer, type AddressInfo, type Socket } from 'node:net'
import { rawClient, seededRandom, waitFor } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import type { BodyFlow, BodySink, IncomingRequest } from '../../src/index.ts'
import { Call, pool } from '../http1/pooled.ts'
import { answer, post, serve } from '../http1/serve.ts'

const ROUNDS = 1_000
const CONNECTIONS = 4

/** Keeps every chunk as it came, and takes its time. */
class KeepingSink implements BodySink {
  readonly chunks: Uint8Array[] = []
  isEnded = false
  #flow!: BodyFlow

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk)
    setImmediate(() => this.#flow.resume())
    return false
  }

  end(): void {
    this.isEnded = true
  }

  abort(error: Error): void {
    throw error
  }
}

/** Text that says of each of its bytes whose it is. */
function textOf(owner: number, length: number): string {
  return String.fromCharCode(97 + owner).repeat(length)
}

it('clients whose bytes come in turns never see each other’s, however long those are kept', async () => {
  const sinks = new Map<IncomingRequest, KeepingSink>()
  const { connect } = await serve((request) => {
    const sink = new KeepingSink()
    sinks.set(request, sink)
    const { end } = sink
    sink.end = () => {
      end.call(sink)
      answer(request, Buffer.concat(sink.chunks).toString())
    }
    request.body.pipe(sink)
  })
  const random = seededRandom(42)
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, async () => await connect()))
  for (let round = 0; round < ROUNDS / CONNECTIONS; round++) {
    const lengths = clients.map(() => 1 + Math.floor(random() * 6_000))
    const left = clients.map((_, owner) => post(lengths[owner]!, textOf(owner, lengths[owner]!)))
    while (left.some((text) => text !== '')) {
      const owner = Math.floor(random() * CONNECTIONS)
      const size = 1 + Math.floor(random() * 3_000)
      clients[owner]!.write(left[owner]!.slice(0, size))
      left[owner] = left[owner]!.slice(size)
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
    }
    const replies = await Promise.all(clients.map(async (client) => await client.readResponse()))
    replies.forEach((reply, owner) => {
      if (reply.body.toString() !== textOf(owner, lengths[owner]!))
        expect(reply.body.toString()).toBe(textOf(owner, lengths[owner]!))
    })
  }
  expect(sinks.size).toBe(Math.floor(ROUNDS / CONNECTIONS) * CONNECTIONS)
  // Kept to the end: nothing was written into what was handed out.
  for (const { chunks } of sinks.values()) {
    const all = Buffer.concat(chunks)
    expect(all.every((byte) => byte === all[0])).toBe(true)
  }
})

it('neither do replies, nor replies and requests', async () => {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const [, owner, length] of chunk.toString().matchAll(/GET \/([0-9])\/([0-9]+) /g)) {
        const text = textOf(Number(owner), Number(length))
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`)
        const drip = (at: number): void => {
          socket.write(text.slice(at, at + 3_000))
          if (at + 3_000 < text.length) setImmediate(drip, at + 3_000)
        }
        drip(0)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { pool: one } = pool((server.address() as AddressInfo).port, { maxConnections: CONNECTIONS, maxPending: 1_000 })
  const served = await serve((request) => void request.body.text().then((text) => answer(request, text)))
  const client = await rawClient({ port: served.port })
  onTestFinished(() => client.destroy())
  const random = seededRandom(7)
  for (let round = 0; round < 25; round++) {
    const wanted = Array.from({ length: CONNECTIONS }, (_, owner) => textOf(owner, 1 + Math.floor(random() * 9_000)))
    const calls = wanted.map((text, owner) => new Call(one, { path: `/${owner}/${text.length}`, reads: false }))
    const sinks = calls.map(() => new KeepingSink())
    calls.forEach((call, owner) => (call.reply = (_status, _headers, body) => body.pipe(sinks[owner]!)))
    const own = textOf(9, 1 + Math.floor(random() * 9_000))
    client.write(post(own.length, own))
    await waitFor(() => sinks.every(({ isEnded }) => isEnded), { intervalMs: 0 })
    expect((await client.readResponse()).body.toString() === own).toBe(true)
    const texts = sinks.map(({ chunks }) => Buffer.concat(chunks).toString())
    expect(texts.map((text, owner) => text === wanted[owner])).toEqual(wanted.map(() => true))
  }
})
