/** Two servers that only write down what they read: one on our engine, one on Node's. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import {
  Body,
  type BodySink,
  DEFAULT_LIMITS,
  HeaderList,
  HttpServer,
  type IncomingRequest,
  systemClock,
} from '@sluice/wire'
import { converse } from './converse.ts'
import { emptyReading, readMessage, type ReadMessage, type Reading } from './reading.ts'

/** A server that reads connections. */
export interface RequestReader {
  /** What it makes of these pieces, said on one connection. */
  read(pieces: readonly string[]): Promise<Reading>
  close(): Promise<void>
}

const NO_CONTENT = new HeaderList({ 'Content-Length': '0' })

/** Ours. */
export async function wireRequestReader(): Promise<RequestReader> {
  const readings = new Map<number, Reading>()
  let count = 0
  const server = new HttpServer({
    clock: systemClock,
    connection: {
      limits: DEFAULT_LIMITS,
      headTimeoutMs: 5_000,
      bodyIdleTimeoutMs: 5_000,
      sendTimeoutMs: 5_000,
      idleTimeoutMs: 5_000,
      maxRequests: 0,
      maxAgeMs: 0,
      drainBytes: 65_536,
      drainMs: 1_000,
      allowHalfOpen: true,
    },
    maxConnections: 0,
    onRequest: (request) => {
      const reading = readings.get(request.connection.socket.remotePort ?? 0)
      // Some replies come at once, and some a turn later, when more has been pipelined behind the request.
      if (reading !== undefined) record(request, reading, count++ % 2 === 0)
    },
    refusal: () => 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.address as AddressInfo
  return {
    async read(pieces) {
      const reading = emptyReading()
      const key = await readOn(port, pieces, readings, reading)
      readings.delete(key)
      return reading
    },
    async close() {
      server.destroy()
      await server.close()
    },
  }
}

async function readOn(
  port: number,
  pieces: readonly string[],
  readings: Map<number, Reading>,
  reading: Reading,
): Promise<number> {
  let key = 0
  const reply = await converse(port, pieces, (localPort) => {
    key = localPort
    readings.set(key, reading)
  })
  // A refusal is what the client is told: the reader itself reports only requests.
  if (reply.includes('HTTP/1.1 400 ')) reading.isRefused = true
  return key
}

function record(request: IncomingRequest, reading: Reading, isAtOnce: boolean): void {
  const { method, target, headers } = request.head
  const message = readMessage(`${method} ${target}`, headers.raw())
  reading.messages.push(message)
  if (method === 'CONNECT') {
    // Behind its head there is no HTTP any more (RFC 9110, section 9.3.6).
    message.isComplete = true
    reading.isClosed = true
    return request.connection.destroy()
  }
  const respond = (close: boolean): void => {
    if (close || !request.connection.mayPersist(request)) reading.isClosed = true
    request.respond(200, NO_CONTENT.copy(), Body.empty, close)
  }
  const settle = (error: Error | undefined): void => {
    if (error !== undefined) reading.isRefused = true
    const close = error !== undefined
    if (isAtOnce) respond(close)
    else setImmediate(() => respond(close))
  }
  request.body.pipe(new RecordingSink(message, settle))
}

class RecordingSink implements BodySink {
  readonly #message: ReadMessage
  readonly #settle: (error: Error | undefined) => void

  constructor(message: ReadMessage, settle: (error: Error | undefined) => void) {
    this.#message = message
    this.#settle = settle
  }

  begin(): void {}

  write(chunk: Uint8Array): boolean {
    this.#message.body += Buffer.from(chunk).toString('latin1')
    return true
  }

  end(trailers?: HeaderList): void {
    this.#message.isComplete = true
    this.#message.trailers = trailers?.raw() ?? []
    this.#settle(undefined)
  }

  abort(error: Error): void {
    this.#settle(error)
  }
}

/** Node's, as strict as it can be made. */
export async function nodeRequestReader(): Promise<RequestReader> {
  const readings = new Map<number, Reading>()
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const reading = readings.get(request.socket.remotePort ?? 0)
    if (reading !== undefined) recordNodes(request, response, reading)
  }
  const server = createServer({
    insecureHTTPParser: false,
    // Which hosts there may be is checked behind the parser, here as there.
    requireHostHeader: false,
    // Ours has limits of its own; only what is read is compared.
    maxHeaderSize: 1_048_576,
    keepAliveTimeout: 5_000,
  })
  server.maxHeadersCount = 0
  server.on('request', take).on('checkExpectation', take)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // Without it Node would close the connection behind its reply.
    response.writeContinue()
    take(request, response)
  })
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const reading = readings.get(socket.remotePort ?? 0)
    if (reading !== undefined) {
      reading.messages.push({ ...readMessage(`CONNECT ${request.url}`, request.rawHeaders), isComplete: true })
      reading.isClosed = true
    }
    socket.destroy()
  })
  server.on('clientError', (_error, socket) => {
    const reading = readings.get((socket as Socket).remotePort ?? 0)
    if (reading !== undefined) reading.isRefused = true
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    async read(pieces) {
      const reading = emptyReading()
      const key = await readOn(port, pieces, readings, reading)
      readings.delete(key)
      return reading
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function recordNodes(request: IncomingMessage, response: ServerResponse, reading: Reading): void {
  const message = readMessage(`${request.method} ${request.url}`, request.rawHeaders)
  reading.messages.push(message)
  request.on('error', () => {})
  request.on('data', (chunk: Buffer) => (message.body += chunk.toString('latin1')))
  request.on('end', () => {
    message.isComplete = request.complete
    message.trailers = request.rawTrailers
    // Said by hand: for one that Node adds by itself it does not keep the connection of an HTTP/1.0 client.
    response.setHeader('Content-Length', 0)
    response.end()
  })
}
