/** A server of the engine on loopback, on a clock that stands still, and what its requests saw. */
import type { AddressInfo } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { rawClient, type RawClient, virtualClock, type VirtualClock, waitFor } from '@sluice/testing'
import { onTestFinished } from 'vitest'
import {
  Body,
  type ConnectionOptions,
  DEFAULT_LIMITS,
  HeaderList,
  HttpServer,
  type IncomingRequest,
  type ListenAddress,
} from '../../src/index.ts'

/** What a test wants to be otherwise. */
export interface ServeOptions extends Partial<ConnectionOptions> {
  readonly maxConnections?: number
  readonly tls?: TlsOptions
  readonly address?: ListenAddress
}

/** A server that was started. */
export interface Served {
  readonly server: HttpServer
  readonly clock: VirtualClock
  readonly port: number
  readonly requests: IncomingRequest[]
  /** How each request ended. */
  readonly ends: (Error | undefined)[]
  readonly aborts: Error[]
  readonly errors: unknown[]
  connect(): Promise<RawClient>
  /** Lets time pass once all that was sent has been looked at. */
  pass(ms: number): Promise<void>
}

/** Answers a request with a text. */
export function answer(request: IncomingRequest, text = 'ok', status = 200): void {
  respond(request, Body.of(text), status)
}

/** Answers with a body. */
export function respond(request: IncomingRequest, body: Body, status = 200, close = false): void {
  const headers = body.length === undefined ? {} : { 'Content-Length': body.length }
  request.respond(status, new HeaderList(headers), body, close)
}

/** Starts a server; it is closed when the test is over. */
export async function serve(
  onRequest: (request: IncomingRequest) => void,
  options: ServeOptions = {},
): Promise<Served> {
  const { maxConnections = 0, tls, address = { port: 0, host: '127.0.0.1' }, ...connection } = options
  const clock = virtualClock()
  const served = {
    requests: [] as IncomingRequest[],
    ends: [] as (Error | undefined)[],
    aborts: [] as Error[],
    errors: [] as unknown[],
  }
  const server = new HttpServer({
    clock,
    connection: {
      limits: DEFAULT_LIMITS,
      headTimeoutMs: 1_000,
      bodyIdleTimeoutMs: 2_000,
      sendTimeoutMs: 3_000,
      idleTimeoutMs: 5_000,
      maxRequests: 0,
      maxAgeMs: 0,
      allowHalfOpen: false,
      drainBytes: 100_000,
      drainMs: 500,
      ...connection,
    },
    maxConnections,
    tls,
    onRequest: (request) => {
      request.observer = {
        translate: (cause) => cause,
        aborted: (error) => void served.aborts.push(error),
        ended: (_bytes, error) => void served.ends.push(error),
      }
      served.requests.push(request)
      onRequest(request)
    },
    onError: (error) => void served.errors.push(error),
    refusal: (fault) =>
      `HTTP/1.1 ${fault === 'timeout' ? 408 : 400} x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  })
  await server.listen(address)
  const port = typeof server.address === 'string' ? 0 : (server.address as AddressInfo).port
  const clients: RawClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.destroy()
    server.destroy()
    await server.close()
  })
  return {
    server,
    clock,
    port,
    ...served,
    connect: async () => {
      const client = await rawClient({ port })
      clients.push(client)
      await waitFor(
        () => server.connections >= clients.filter(({ socket }) => !socket.destroyed).length || maxConnections > 0,
      )
      return client
    },
    pass: async (ms) => await clock.advanceAsync(ms),
  }
}

/** `GET` of a path. */
export function get(path = '/', fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
}

/** `POST` of a body of which `sent` is sent. */
export function post(length: number, sent = '', fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${fields}\r\n${sent}`
}
