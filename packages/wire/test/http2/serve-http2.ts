/** Connections of the HTTP/2 engine on loopback, on a clock that stands still, and what their requests saw. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { virtualClock, type VirtualClock } from '@sluice/testing'
import { onTestFinished } from 'vitest'
import {
  Body,
  HeaderList,
  type Http2Abuse,
  type Http2ConnectionOptions,
  Http2ServerConnection,
  type Http2Stream,
} from '../../src/index.ts'

const OPTIONS: Http2ConnectionOptions = {
  maxConcurrentStreams: 100,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  maxQueuedBytes: 50_000_000,
  resetBurst: 200,
  resetsPerSecond: 33,
  controlBurst: 1_000,
  controlsPerSecond: 100,
  maxHeaderBytes: 16_384,
  maxHeaderCount: 100,
  maxListBytes: 36_000,
  maxListCount: 356,
  headTimeoutMs: 1_000,
  bodyIdleTimeoutMs: 2_000,
  requestTimeoutMs: 0,
  sendTimeoutMs: 3_000,
  idleTimeoutMs: 5_000,
  maxRequests: 0,
  maxAgeMs: 0,
  sweepMs: 100,
}

/** What was started. */
export interface ServedHttp2 {
  readonly port: number
  readonly clock: VirtualClock
  /** What calls have taken, on top of the time that the clock has been advanced by. */
  busyMs: number
  readonly streams: Http2Stream[]
  readonly connections: Set<Http2ServerConnection>
  /** How each reply ended. */
  readonly ends: (Error | undefined)[]
  readonly aborts: Error[]
  readonly errors: unknown[]
  readonly refused: Http2Abuse[]
}

/** Answers a request with a text. */
export function answer(stream: Http2Stream, text = 'ok', status = 200): void {
  stream.respond(status, new HeaderList({ 'Content-Length': text.length }), Body.ofLatin1(text))
}

/** Ends with the test. */
export async function serveHttp2(
  onRequest: (stream: Http2Stream) => void,
  options: Partial<Http2ConnectionOptions> = {},
): Promise<ServedHttp2> {
  const clock = virtualClock()
  const served = {
    clock,
    busyMs: 0,
    streams: [] as Http2Stream[],
    connections: new Set<Http2ServerConnection>(),
    ends: [] as (Error | undefined)[],
    aborts: [] as Error[],
    errors: [] as unknown[],
    refused: [] as Http2Abuse[],
  }
  const owner = {
    clock: {
      now: () => clock.now() + served.busyMs,
      wallTime: () => clock.wallTime(),
      schedule: (delayMs: number, callback: () => void) => clock.schedule(delayMs, callback),
    },
    options: { ...OPTIONS, ...options },
    date: 'Sun, 06 Nov 1994 08:49:37 GMT',
    request(stream: Http2Stream): void {
      served.streams.push(stream)
      stream.observer = {
        translate: (cause) => cause,
        aborted: (error) => void served.aborts.push(error),
        ended: (_bytes, error) => void served.ends.push(error),
      }
      onRequest(stream)
    },
    failed: (error: unknown) => void served.errors.push(error),
    refused: (_connection: Http2ServerConnection, abuse: Http2Abuse) => void served.refused.push(abuse),
    closed: (connection: Http2ServerConnection) => void served.connections.delete(connection),
  }
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
    served.connections.add(new Http2ServerConnection(socket, owner))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const connection of served.connections) connection.socket.destroy()
  })
  return Object.assign(served, { port: (server.address() as AddressInfo).port })
}
