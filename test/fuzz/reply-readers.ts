/** Two clients that only write down what they read: one on our engine, one on Node's. Both ask a server that says a script. */
import { request } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import {
  Body,
  type BodySink,
  type ClientConnection,
  ConnectionPool,
  DEFAULT_LIMITS,
  HeaderList,
  OutgoingRequest,
  type ReplyObserver,
  systemClock,
} from '@sluice/wire'
import { turnsFor } from './converse.ts'
import { emptyReading, readMessage, type ReadMessage, type Reading } from './reading.ts'

export type ReplyMethod = 'GET' | 'HEAD'

/** Readers of replies, and the server that they ask. */
export interface ReplyReaders {
  ours(pieces: readonly string[], method: ReplyMethod): Promise<Reading>
  nodes(pieces: readonly string[], method: ReplyMethod): Promise<Reading>
  close(): Promise<void>
}

export async function replyReaders(): Promise<ReplyReaders> {
  const scripts = new Map<string, readonly string[]>()
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.once('data', (head) => say(socket, scripts.get(head.toString('latin1').split(' ')[1]!) ?? []))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const pool = new ConnectionPool(
    {
      host: '127.0.0.1',
      port,
      limits: DEFAULT_LIMITS,
      maxConnections: 1_000,
      maxPending: 1_000,
      pendingTimeoutMs: 5_000,
      connectTimeoutMs: 5_000,
      idleTimeoutMs: 5_000,
      maxLifetimeMs: 0,
      maxRequests: 0,
      minIdle: 0,
      reuse: 'never',
    },
    systemClock,
    () => 0,
  )
  const withScript = async (pieces: readonly string[], read: (path: string) => Promise<Reading>): Promise<Reading> => {
    const path = `/${count++}`
    scripts.set(path, pieces)
    const reading = await read(path)
    scripts.delete(path)
    return reading
  }
  return {
    ours: async (pieces, method) => await withScript(pieces, async (path) => await readByWire(pool, method, path)),
    nodes: async (pieces, method) => await withScript(pieces, async (path) => await readByNode(port, method, path)),
    async close() {
      pool.destroy()
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function say(socket: Socket, pieces: readonly string[]): void {
  let turn = 0
  const last = pieces.length + turnsFor(pieces)
  const next = (): void => {
    if (socket.destroyed) return
    const piece = pieces[turn++]
    if (piece !== undefined) socket.write(piece, 'latin1')
    if (turn < last) setImmediate(next)
    else socket.end()
  }
  next()
}

async function readByWire(pool: ConnectionPool, method: ReplyMethod, path: string): Promise<Reading> {
  return await new Promise((resolve) => {
    const message = {
      method,
      path,
      headers: new HeaderList({ Host: 'a.test' }),
      body: Body.empty,
      upgrade: undefined,
      headTimeoutMs: 5_000,
      bodyIdleTimeoutMs: 5_000,
    }
    const observer = new RecordingObserver(resolve)
    pool.acquire({
      isRepeatable: true,
      needsFresh: true,
      acquired: (connection) => connection.send(new OutgoingRequest(message, observer)),
      refused: (failure) => observer.done(new Error(failure.kind)),
    })
  })
}

class RecordingObserver implements ReplyObserver {
  readonly #reading: Reading = emptyReading()
  readonly #resolve: (reading: Reading) => void
  #message: ReadMessage | undefined

  constructor(resolve: (reading: Reading) => void) {
    this.#resolve = resolve
  }

  informational(status: number, headers: HeaderList): void {
    this.#reading.messages.push({ ...readMessage(String(status), headers.raw()), isComplete: true })
  }

  reply(status: number, headers: HeaderList, body: Body): void {
    const message = readMessage(String(status), headers.raw())
    this.#message = message
    this.#reading.messages.push(message)
    body.pipe(new ReplySink(message))
  }

  upgraded(_status: number, _headers: HeaderList, connection: ClientConnection): void {
    connection.close('error')
    this.done(new Error('nobody asked for a tunnel'))
  }

  translate(failure: string, cause: Error | undefined): Error {
    return cause ?? new Error(failure)
  }

  given(cause: Error): Error {
    return cause
  }

  done(error: Error | undefined): void {
    const { messages } = this.#reading
    // What is complete is what the observer is told of without an error.
    if (this.#message !== undefined && error === undefined) this.#message.isComplete = true
    this.#reading.isRefused = error !== undefined || messages.length === 0
    this.#resolve(this.#reading)
  }
}

class ReplySink implements BodySink {
  readonly #message: ReadMessage

  constructor(message: ReadMessage) {
    this.#message = message
  }

  begin(): void {}

  write(chunk: Uint8Array): boolean {
    this.#message.body += Buffer.from(chunk).toString('latin1')
    return true
  }

  end(trailers?: HeaderList): void {
    this.#message.trailers = trailers?.raw() ?? []
  }

  abort(): void {}
}

async function readByNode(port: number, method: ReplyMethod, path: string): Promise<Reading> {
  return await new Promise((resolve) => {
    const reading = emptyReading()
    const refuse = (): void => {
      reading.isRefused = true
    }
    const asked = request({
      port,
      host: '127.0.0.1',
      method,
      path,
      agent: false,
      maxHeaderSize: 1_048_576,
      insecureHTTPParser: false,
    })
    asked.maxHeadersCount = 0
    asked.on('error', refuse)
    asked.on('close', () => resolve(reading))
    asked.on('information', ({ statusCode, rawHeaders }) => {
      // Ours answers 100 itself, and says nothing of it.
      if (statusCode !== 100)
        reading.messages.push({ ...readMessage(String(statusCode), rawHeaders), isComplete: true })
    })
    asked.on('upgrade', (_response, socket) => {
      reading.isClosed = true
      socket.destroy()
    })
    asked.on('response', (response) => {
      const message = readMessage(String(response.statusCode), response.rawHeaders)
      reading.messages.push(message)
      response.on('error', refuse)
      response.on('data', (chunk: Buffer) => (message.body += chunk.toString('latin1')))
      response.on('end', () => {
        message.isComplete = response.complete
        message.trailers = response.rawTrailers
      })
    })
    asked.end()
  })
}
