/** A target on `node:http2`, whose streams a test answers by itself. */
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'

/** Answers one stream. */
export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: string[]) => void

export interface Http2Target {
  readonly server: Http2Server
  readonly url: string
  /** Those that are open. */
  readonly sessions: readonly ServerHttp2Session[]
  /** Those that there have ever been, and how many. */
  readonly everySession: readonly Http2Session[]
  readonly total: number
  /** Destroys the connections that are open. */
  cut(): void
  /** From now on it reads nothing that comes on the oldest connection. */
  silence(): void
  close(): Promise<void>
}

/** With `cert` and `key` it speaks TLS, and offers HTTP/2 by ALPN. */
export async function http2Target(
  onStream: OnStream,
  options: ServerOptions | SecureServerOptions = {},
): Promise<Http2Target> {
  const isSecure = 'cert' in options
  const server: Http2Server = isSecure ? createSecureServer(options) : createServer(options)
  const sessions: ServerHttp2Session[] = []
  const sockets = new Set<Socket>()
  const everySession: ServerHttp2Session[] = []
  server.on(isSecure ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  })
  server.on('session', (session) => {
    everySession.push(session)
    sessions.push(session)
    session.on('error', () => {})
    session.once('close', () => sessions.splice(sessions.indexOf(session), 1))
  })
  // The raw list is the fourth argument, which the types leave out.
  server.on('stream', (...[stream, headers, , raw]: [ServerHttp2Stream, IncomingHttpHeaders, number, string[]]) => {
    stream.on('error', () => {})
    onStream(stream, headers, raw)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    server,
    url: `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`,
    sessions,
    everySession,
    get total() {
      return everySession.length
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    silence() {
      // The engine reads by itself; taking the handle's reads away is what a target looks like that hangs.
      const [oldest] = sockets
      ;(oldest as unknown as { _handle: { readStop(): void } })._handle.readStop()
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
