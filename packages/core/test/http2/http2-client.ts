/** A client of HTTP/2 for tests, on `node:http2`, and the listeners that it is let loose on. */
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type SecureClientSessionOptions } from 'node:http2'
import { onTestFinished } from 'vitest'
import { type Listener, type ListenerFactory, type ListenOptions, nodeListener, wireListener } from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'

/** Each way to listen for HTTP/2. */
export interface Http2Way {
  readonly name: string
  readonly options: () => ListenOptions
}

function way(name: string, create: () => ListenerFactory, options: ListenOptions): Http2Way {
  return { name, options: () => ({ host: '127.0.0.1', listener: create(), ...options }) }
}

export const OVER_TLS: Http2Way = way('the wire listener with TLS', wireListener, { tls: LOCALHOST })
export const CLEARTEXT: Http2Way = way('the wire listener without TLS', wireListener, { http2: { cleartext: true } })

export const WAYS: readonly Http2Way[] = [
  OVER_TLS,
  CLEARTEXT,
  way('the node listener with TLS', nodeListener, { tls: LOCALHOST }),
  way('the node listener without TLS', nodeListener, { http2: { cleartext: true } }),
]

/** A connection of its own to a listener. */
export async function connectTo(
  { address }: Pick<Listener, 'address'>,
  options: SecureClientSessionOptions = {},
): Promise<ClientHttp2Session> {
  const scheme = address.url.startsWith('https:') ? 'https' : 'http'
  const session = connect(`${scheme}://localhost:${address.port}`, { ca: LOCALHOST.cert, ...options })
  onTestFinished(() => session.destroy())
  // Its streams say what is wrong with it.
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  return session
}

/** What came of a request. */
export interface Http2Reply {
  readonly status: number
  readonly fields: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
  readonly trailers: Readonly<Record<string, unknown>> | undefined
  /** Whole, as far as the client can tell. */
  readonly isWhole: boolean
  readonly rstCode: number
  /** The 1xx replies before it. */
  readonly informational: readonly Readonly<Record<string, unknown>>[]
}

type Head = Readonly<Record<string, string | readonly string[]>>

/** One request, with its body in pieces. */
export async function ask(
  session: ClientHttp2Session,
  head: Head = {},
  ...chunks: readonly (string | Buffer)[]
): Promise<Http2Reply> {
  const stream = session.request(
    { ':path': '/', ...head },
    {
      endStream: chunks.length === 0,
    },
  )
  const reply = replyOn(stream)
  for (const chunk of chunks) stream.write(chunk)
  if (chunks.length > 0) stream.end()
  return await reply
}

/** The reply on a stream, once it is closed. */
export async function replyOn(stream: ClientHttp2Stream): Promise<Http2Reply> {
  const chunks: Buffer[] = []
  const informational: Record<string, unknown>[] = []
  let fields: Record<string, string | readonly string[] | undefined> = {}
  let trailers: Record<string, unknown> | undefined
  let hasEnded = false
  stream.on('error', () => {})
  stream.on('headers', (each) => informational.push({ ...each }))
  stream.on('response', (each) => (fields = { ...each } as typeof fields))
  stream.on('trailers', (each) => (trailers = { ...each }))
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => (hasEnded = true))
  await new Promise((resolve) => stream.once('close', resolve))
  return {
    status: Number(fields[':status'] ?? 0),
    fields,
    body: Buffer.concat(chunks),
    trailers,
    isWhole: hasEnded && stream.rstCode === 0 && fields[':status'] !== undefined,
    rstCode: stream.rstCode,
    informational,
  }
}
