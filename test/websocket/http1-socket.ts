/**
 * A stream of HTTP/2 as a connection for a WebSocket server that knows HTTP/1.1 only: the extended CONNECT (RFC 8441) becomes a
 * request to upgrade, and its 101 the answer to the CONNECT. From then on it is the stream.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'

type Done = (error?: Error | null) => void

/** Any will do: nobody compares what comes of it (RFC 8441, section 5). */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
/** What is of HTTP/1.1 alone. */
const NOT_SENT: ReadonlySet<string> = new Set(['connection', 'upgrade', 'sec-websocket-accept'])

export class Http1Socket extends Duplex {
  readonly #stream: ServerHttp2Stream
  #hasAnswered = false

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    super()
    this.#stream = stream
    const fields = Object.entries(headers).filter(([name]) => !name.startsWith(':') && name !== 'sec-websocket-key')
    const lines = [
      `GET ${headers[':path']} HTTP/1.1`,
      `Host: ${headers[':authority']}`,
      'Connection: Upgrade',
      `Upgrade: ${String(headers[':protocol'])}`,
      `Sec-WebSocket-Key: ${KEY}`,
      ...fields.map(([name, value]) => `${name}: ${String(value)}`),
    ]
    this.push(`${lines.join('\r\n')}\r\n\r\n`)
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause()
    })
    stream.on('end', () => this.push(null))
    stream.on('error', (error) => this.destroy(error))
    stream.on('close', () => {
      if (!stream.readableEnded) this.destroy()
    })
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    if (this.#hasAnswered) return void this.#stream.write(chunk, done)
    this.#hasAnswered = true
    this.#answer(chunk.toString('latin1'))
    done()
  }

  override _final(done: Done): void {
    this.#stream.end(done)
  }

  override _read(): void {
    this.#stream.resume()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#stream.destroy()
    done(error)
  }

  /** The head comes in one piece. */
  #answer(head: string): void {
    const [start = '', ...lines] = head.trimEnd().split('\r\n')
    const status = Number(start.split(' ')[1])
    const headers: OutgoingHttpHeaders = { ':status': status === 101 ? 200 : status }
    for (const line of lines) {
      const name = line.split(':', 1)[0]!.toLowerCase()
      if (!NOT_SENT.has(name)) headers[name] = line.replace(/^.*?: */, '')
    }
    this.#stream.respond(headers)
  }
}
