/**
 * The same upstream behind a real server on loopback, of HTTP/1.1 or of HTTP/2. Told how to answer, and read, as {@link fakeUpstream} is, so a
 * test can move from one to the other.
 */
import { once } from 'node:events'
import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import { systemClock, type BodyFlow, type BodySink, type Clock, type HeaderList } from '@sluice/wire'
import { AnswerSource } from './answer-source.ts'
import { answerTo, echo, type PreparedAnswer, type UpstreamHandler } from './answer.ts'
import { arrivingRequest, Http2Served } from './http2-served.ts'
import { ArrivingRequest, fieldsOf, type RecordedRequest } from './recorded-request.ts'

/** Options of {@link listenUpstream}. */
export interface ListenUpstreamOptions {
  /** What `delayMs` runs on. @default systemClock */
  readonly clock?: Clock
  /** Speaks HTTP/2 without TLS, to clients that know that beforehand (h2c), in place of HTTP/1.1. @default false */
  readonly http2?: boolean
}

/** A server on a free port of 127.0.0.1. It sends no `Date`, and keeps idle connections open. */
export interface ListeningUpstream {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly port: number
  /** In the order of arrival. */
  readonly requests: readonly RecordedRequest[]
  /** How many connections are open. */
  readonly connections: number
  /** How many there have ever been. */
  readonly totalConnections: number
  /** Forgets what was recorded. Connections stay, and count. */
  reset(): void
  /** Destroys all connections and frees the port. */
  close(): Promise<void>
}

/** Starts an upstream on loopback. Without a handler it echoes: see {@link echo}. */
export async function listenUpstream(
  handler: UpstreamHandler = echo,
  options: ListenUpstreamOptions = {},
): Promise<ListeningUpstream> {
  const clock = options.clock ?? systemClock
  const requests: ArrivingRequest[] = []
  const sockets = new Set<Socket>()
  let totalConnections = 0
  const isHttp2 = options.http2 === true
  const server: Server = isHttp2
    ? createHttp2Server()
    : createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 })
  server.on('connection', (socket) => {
    totalConnections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  if (isHttp2) {
    server.on('stream', (stream: ServerHttp2Stream, _headers: unknown, _flags: number, raw: string[]) => {
      const record = arrivingRequest(raw, url)
      requests.push(record)
      // Node lets nobody take a session's socket from it; its port tells which one it is.
      const { remotePort } = stream.session!.socket
      const breakConnection = (): void => {
        for (const socket of sockets) if (socket.remotePort === remotePort) socket.resetAndDestroy()
      }
      void new Http2Served(record, stream, clock, breakConnection).run(handler)
    })
    server.on('sessionError', () => {})
  } else {
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      const record = new ArrivingRequest(incoming.method ?? '', incoming.url ?? '', fieldsOf(incoming.rawHeaders), url)
      requests.push(record)
      void new Served(record, incoming, outgoing, clock).run(handler)
    })
  }
  return {
    url,
    port,
    requests,
    get connections() {
      return sockets.size
    },
    get totalConnections() {
      return totalConnections
    },
    reset() {
      requests.length = 0
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      const ended = [...sockets].map((socket) => once(socket, 'close'))
      for (const socket of sockets) socket.destroy()
      await Promise.all([closed, ...ended])
    },
  }
}

/** One request and its answer; the sink of the answer's body. */
class Served implements BodySink {
  readonly #record: ArrivingRequest
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #clock: Clock
  #brokenHere = false
  #unsent = 0

  constructor(record: ArrivingRequest, incoming: IncomingMessage, outgoing: ServerResponse, clock: Clock) {
    this.#record = record
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#clock = clock
    outgoing.on('close', () => {
      if (!outgoing.writableFinished && !this.#brokenHere) record.aborted = true
    })
  }

  async run(handler: UpstreamHandler): Promise<void> {
    const { socket } = this.#incoming
    try {
      for await (const chunk of this.#incoming) this.#record.append(chunk as Buffer)
    } catch {
      // The client left in the middle of its body: 'close' has recorded it.
      return
    }
    this.#record.end(fieldsOf(this.#incoming.rawTrailers))
    const answer = await answerTo(this.#record, handler)
    for (const { status, headers } of answer.informational) {
      const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`, 'latin1')
    }
    await answer.due(this.#clock)
    if (socket.destroyed || answer.fate === 'hang') return
    if (answer.fate === 'reply') return this.#reply(answer)
    this.#brokenHere = true
    socket.resetAndDestroy()
  }

  #reply(answer: PreparedAnswer): void {
    const outgoing = this.#outgoing
    // Fields that Node adds on its own, which the handler did not ask for.
    for (const name of ['Connection', 'Date']) outgoing.removeHeader(name)
    outgoing.writeHead(answer.status, answer.headers.raw() as string[])
    if (answer.content === undefined) outgoing.end()
    else {
      const source = new AnswerSource(answer, this.#record.target)
      this.begin(source)
      source.start(this)
    }
  }

  begin(flow: BodyFlow): void {
    this.#outgoing.flushHeaders()
    this.#outgoing.on('drain', () => flow.resume())
    this.#outgoing.on('close', () => flow.cancel(new Error('the client went away')))
  }

  write(chunk: Uint8Array): boolean {
    this.#unsent++
    return this.#outgoing.write(chunk, () => {
      this.#unsent--
      if (this.#brokenHere) this.#breakOff()
    })
  }

  end(trailers?: HeaderList): void {
    if (trailers !== undefined) this.#outgoing.addTrailers([...trailers])
    this.#outgoing.end()
  }

  abort(): void {
    this.#brokenHere = true
    this.#breakOff()
  }

  /** Ends the connection short of what the head announced, once all that was written has left: Node gathers chunks. */
  #breakOff(): void {
    if (this.#unsent === 0) this.#incoming.socket.destroySoon()
  }
}
