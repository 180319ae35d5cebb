/**
 * A connection for a WebSocket client that knows HTTP/1.1 only: what it asks becomes an extended CONNECT on a stream of HTTP/2
 * (RFC 8441), and the answer to that becomes the 101 it waits for. From then on it is the stream.
 */
import { hash } from 'node:crypto'
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
  OutgoingHttpHeaders,
} from 'node:http2'
import { Duplex } from 'node:stream'

type Done = (error?: Error | null) => void

/** What is of HTTP/1.1 alone; the key is not part of the handshake over HTTP/2 (RFC 8441, section 5). */
const NOT_SENT: ReadonlySet<string> = new Set(['connection', 'upgrade', 'host', 'sec-websocket-key'])

export class Http2Socket extends Duplex {
  readonly #session: ClientHttp2Session
  #head = ''
  #stream: ClientHttp2Stream | undefined

  constructor(session: ClientHttp2Session) {
    super()
    this.#session = session
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    if (this.#stream !== undefined) return void this.#stream.write(chunk, done)
    this.#head += chunk.toString('latin1')
    if (this.#head.endsWith('\r\n\r\n')) this.#stream = this.#open(this.#head)
    done()
  }

  override _final(done: Done): void {
    if (this.#stream === undefined) done()
    else this.#stream.end(done)
  }

  override _read(): void {
    this.#stream?.resume()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#stream?.destroy()
    done(error)
  }

  #open(head: string): ClientHttp2Stream {
    const [start = '', ...lines] = head.trimEnd().split('\r\n')
    const fields = new Map(lines.map((line) => [line.split(':', 1)[0]!.toLowerCase(), line.replace(/^.*?: */, '')]))
    const headers: OutgoingHttpHeaders = {
      ':method': 'CONNECT',
      ':protocol': fields.get('upgrade'),
      ':scheme': this.#session.encrypted === true ? 'https' : 'http',
      ':authority': fields.get('host'),
      ':path': start.split(' ')[1],
    }
    for (const [name, value] of fields) if (!NOT_SENT.has(name)) headers[name] = value
    const stream = this.#session.request(headers, { endStream: false })
    stream.on('response', (reply) => this.push(replyHead(reply, fields.get('sec-websocket-key') ?? '')))
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause()
    })
    stream.on('end', () => this.push(null))
    stream.on('error', (error) => this.destroy(error))
    // What has come in order is still read; then this one goes by itself.
    stream.on('close', () => {
      if (!stream.readableEnded) this.destroy(new Error(`the stream was reset with ${stream.rstCode}`))
    })
    return stream
  }
}

function replyHead(reply: IncomingHttpHeaders & IncomingHttpStatusHeader, key: string): string {
  const fields = Object.entries(reply).filter(([name]) => !name.startsWith(':'))
  const lines = fields.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')
  if (reply[':status'] !== 200) return `HTTP/1.1 ${reply[':status']} Refused\r\nConnection: close\r\n${lines}\r\n`
  const accept = hash('sha1', `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, 'base64')
  return `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n${lines}\r\n`
}
