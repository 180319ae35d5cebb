/** A side that does not read makes the other wait: what is held in between stays small. */
import { setTimeout as sleep } from 'node:timers/promises'
import { hostileUpstream, listenUpstream, rawClient, waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { COMBINATIONS } from './combinations.ts'
import { gateway } from './gateway.ts'

const MIB = 1_048_576
const SIZE = 64 * MIB
/** All that the process holds in buffers for such an exchange, on four sockets of loopback. */
const HELD = 8 * MIB
/** What the kernel may hold of a connection, both ways. */
const IN_KERNEL = 16 * MIB

const opened = closing()
const PIECE = Buffer.alloc(65_536, 'x')

/** Waits until a count stands still, and says where. */
async function standstill(count: () => number): Promise<number> {
  let last = -1
  await waitFor(() => last === (last = count()) && last > 0, { intervalMs: 60 })
  return last
}

function heldBytes(): number {
  return process.memoryUsage().arrayBuffers
}

describe.each(COMBINATIONS)('backpressure, $name listener', (listener, transport) => {
  it('an upload to an upstream that never reads', async () => {
    const peer = opened(await hostileUpstream({ kind: 'never-reads' }))
    const gate = opened(gateway({ targets: [peer.url], transport, forward: { headTimeoutMs: 500 } }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = await rawClient({ port: own.address.port })
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`)
    const before = heldBytes()
    let sent = 0
    const push = (): void => {
      while (sent < SIZE && !client.socket.destroyed) {
        sent += PIECE.length
        if (!client.socket.write(PIECE)) return
      }
    }
    client.socket.on('drain', push)
    push()
    expect(await standstill(() => sent)).toBeLessThan(IN_KERNEL)
    expect(heldBytes() - before).toBeLessThan(HELD)
    // A connection that is not read from does not tell that its client has left: what ends it at the latest is the time.
    client.reset()
    await waitFor(() => gate.proxy.inFlight === 0)
  })

  it.each([
    ['a length', (length: number | undefined) => length],
    ['chunks', () => undefined],
  ])('a reply with %s to a client that never reads', async (_, lengthOf) => {
    let taken = 0
    const generate = function* (): Generator<Uint8Array> {
      for (; taken < SIZE; taken += PIECE.length) yield PIECE
    }
    const length = lengthOf(SIZE)
    const peer = opened(
      await listenUpstream(() => ({
        body: generate(),
        ...(length === undefined ? {} : { headers: { 'Content-Length': String(length) } }),
      })),
    )
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = await rawClient({ port: own.address.port })
    const before = heldBytes()
    client.pause()
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await standstill(() => taken)).toBeLessThan(IN_KERNEL)
    expect(heldBytes() - before).toBeLessThan(HELD)
    // It waits, and is not lost: the rest flows once the client reads.
    client.socket.removeAllListeners('data')
    let got = 0
    client.socket.on('data', (chunk: Buffer) => (got += chunk.length))
    client.resume()
    await waitFor(() => got >= SIZE)
    await gate.settled()
    client.destroy()
  })

  it('a fetched or injected reply that nobody reads', async () => {
    let taken = 0
    const generate = function* (): Generator<Uint8Array> {
      for (; taken < SIZE; taken += PIECE.length) yield PIECE
    }
    const peer = opened(await listenUpstream(() => ({ body: generate() })))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const before = heldBytes()
    const response = await gate.proxy.fetch(new Request('http://a/'))
    expect(await standstill(() => taken)).toBeLessThan(IN_KERNEL)
    await response.body?.cancel()
    await gate.settled()
    taken = 0
    const reply = await gate.proxy.inject()
    expect(await standstill(() => taken)).toBeLessThan(IN_KERNEL)
    expect(heldBytes() - before).toBeLessThan(HELD)
    reply.body.cancel()
    await gate.settled()
  })

  it('an injected upload to an upstream that never reads', async () => {
    const peer = opened(await hostileUpstream({ kind: 'never-reads' }))
    const gate = opened(gateway({ targets: [peer.url], transport, forward: { totalTimeoutMs: 300 } }))
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        pulled += PIECE.length
        controller.enqueue(new Uint8Array(PIECE.length))
        await sleep(0)
      },
    })
    const reply = await gate.proxy.inject({ method: 'POST', body: Body.fromStream(body) })
    expect([reply.status, await reply.json()]).toMatchObject([504, { code: 'ERR_SLUICE_TOTAL_TIMEOUT' }])
    expect(pulled).toBeLessThan(IN_KERNEL)
    await gate.settled()
  })
})
