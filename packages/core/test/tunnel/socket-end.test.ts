import type { AddressInfo } from 'node:net'
import { rawClient, virtualClock, waitFor } from '@sluice/testing'
import { DEFAULT_LIMITS, HeaderList, HttpServer, type ServerConnection } from '@sluice/wire'
import { expect, it, onTestFinished } from 'vitest'
import { SocketEnd } from '../../src/tunnel/socket-end.ts'
import type { TunnelReader } from '../../src/tunnel/tunnel-end.ts'

/** A connection whose client reads nothing, with a 101 that is still in its socket's handle. */
async function waitingConnection() {
  let connection: ServerConnection | undefined
  const server = new HttpServer({
    clock: virtualClock(),
    connection: {
      limits: DEFAULT_LIMITS,
      headTimeoutMs: 0,
      bodyIdleTimeoutMs: 0,
      sendTimeoutMs: 0,
      idleTimeoutMs: 0,
      maxRequests: 0,
      maxAgeMs: 0,
      allowHalfOpen: true,
      drainBytes: 0,
      drainMs: 0,
    },
    maxConnections: 0,
    onRequest: (request) => void (connection = request.connection),
    refusal: () => '',
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  const client = await rawClient({ port: (server.address as AddressInfo).port, allowHalfOpen: true })
  onTestFinished(async () => {
    client.destroy()
    server.destroy()
    await server.close()
  })
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await waitFor(() => connection !== undefined)
  const padding = new HeaderList({ 'X-Padding': 'x'.repeat(16_000) })
  let heads = 0
  while (unsent(connection!) === 0) {
    connection!.writeHead(101, padding)
    heads++
  }
  return { client, connection: connection!, server, heads }
}

function unsent({ socket }: ServerConnection): number {
  const { _handle: handle } = socket as unknown as { _handle: { writeQueueSize: number } }
  return socket.writableLength + handle.writeQueueSize
}

/** What an end tells its reader. */
class Told implements TunnelReader {
  readonly calls: string[] = []
  bytes(): boolean {
    return true
  }
  ended(): void {
    this.calls.push('ended')
  }
  drained(): void {
    this.calls.push('drained')
  }
  closed(error: Error | undefined): void {
    this.calls.push(error === undefined ? 'closed' : `closed: ${error.message}`)
  }
}

it('a tunnel begins behind a 101 that waits, and ends behind all of it', async () => {
  const { client, connection, heads } = await waitingConnection()
  const end = new SocketEnd(connection, undefined)
  end.open(new Told())
  end.write(Buffer.from('first'))
  end.write(Buffer.from(' last'))
  let isFlushed = false
  end.end(() => (isFlushed = true))
  client.resume()
  const text = (await client.readUntil('first last')).toString('latin1')
  expect(text.split('HTTP/1.1 101').length - 1).toBe(heads)
  await waitFor(() => isFlushed)
  expect(await client.closed).toBe('end')
})

it.each(['reset', 'destroy'] as const)('a %s of an end that waits behind a 101 takes effect', async (how) => {
  const { connection, server } = await waitingConnection()
  let isClosed = false
  const end = new SocketEnd(connection, undefined, () => (isClosed = true))
  const told = new Told()
  end.open(told)
  end.end()
  end[how]()
  await waitFor(() => isClosed && server.connections === 0)
  expect(told.calls).toEqual([expect.stringMatching(/^closed/)])
})
