/** Writes one reply to a connection: head and the body bytes at hand in one piece, then chunk by chunk. */
import { type BodyFlow, type BodySink, NO_FLOW } from '../body-flow.ts'
import type { Body } from '../body.ts'
import { WireError } from '../errors.ts'
import type { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { latin1 } from './latin1.ts'
import { lastChunk, serializeReplyHead } from './serialize.ts'
import type { ServerConnection } from './server-connection.ts'

const DATE = maskOf('date')
const UNKNOWN = -1
/**
 * Up to here bytes are turned into text and leave with the head in one `write`: for so few, decoding costs less than the
 * second buffer of a `writev` does.
 */
const MAX_TEXT_BYTES = 8_192

export class ReplyEncoder implements BodySink {
  readonly #request: IncomingRequest
  readonly #connection: ServerConnection
  readonly #body: Body
  readonly #isChunked: boolean
  readonly #keepsConnection: boolean
  readonly #hasBody: boolean
  /** Bytes that the body has still to give, where that is known: a small integer, which costs no allocation. */
  #toSend: number
  #flow: BodyFlow = NO_FLOW
  /** What waits for the end of this turn. */
  #text: string
  #isStarting = true
  #isDone = false
  bodyBytes = 0

  constructor(request: IncomingRequest, status: number, headers: HeaderList, body: Body, close: boolean) {
    const { connection, head } = request
    const hasBody = head.method !== 'HEAD' && status !== 204 && status !== 304
    const isUnbounded = hasBody && body.length === undefined
    this.#request = request
    this.#connection = connection
    this.#body = body
    this.#hasBody = hasBody
    this.#toSend = hasBody ? (body.length ?? UNKNOWN) : UNKNOWN
    this.#isChunked = isUnbounded && head.httpVersion === '1.1'
    this.#keepsConnection = !close && connection.mayPersist(request) && !(isUnbounded && !this.#isChunked)
    let extra = headers.hasAny(DATE) ? '' : connection.dateLine
    if (this.#isChunked) extra += 'Transfer-Encoding: chunked\r\n'
    if (!this.#keepsConnection) extra += 'Connection: close\r\n'
    else if (head.httpVersion === '1.0') extra += 'Connection: keep-alive\r\n'
    this.#text = serializeReplyHead(status, headers, extra)
  }

  start(): void {
    const text = this.#body.latin1
    // A small body that came as text leaves as text: no buffer, no flow.
    if (this.#hasBody && text !== undefined) {
      this.#text += text
      this.bodyBytes = text.length
      this.#toSend = 0
      return this.end()
    }
    if (this.#hasBody) this.#body.pipe(this)
    else this.#endWithoutBody()
    this.#isStarting = false
    // The head leaves at once even where the body takes its time, as with server-sent events.
    if (!this.#isDone) this.#flush()
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isDone || chunk.byteLength === 0) return true
    const bytes = chunk as Buffer
    // One byte too many would be the next reply's first (CWE-444), whoever's mistake it is.
    if (this.#toSend !== UNKNOWN && (this.#toSend -= bytes.byteLength) < 0) return this.#breakAgreement()
    this.bodyBytes += bytes.byteLength
    const before = this.#isChunked ? `${bytes.byteLength.toString(16)}\r\n` : ''
    const after = this.#isChunked ? '\r\n' : ''
    if (this.#isStarting && this.#text.length + bytes.byteLength <= MAX_TEXT_BYTES) {
      this.#text += before + latin1(bytes) + after
      return true
    }
    const text = this.#text + before
    this.#text = ''
    return this.#connection.writeParts(text, bytes, after)
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone) return
    if (this.#toSend > 0) return void this.#breakAgreement()
    this.#isDone = true
    if (this.#isChunked) this.#text += lastChunk(trailers)
    this.#flush()
    this.#request.end(this.bodyBytes, undefined)
    this.#connection.replied(this.#request, this.#keepsConnection)
  }

  #endWithoutBody(): void {
    this.#body.cancel()
    this.end()
  }

  #breakAgreement(): boolean {
    const error = new WireError('ERR_SLUICE_BODY_ABORTED', 'the body is not as long as was announced')
    this.#flow.cancel(error)
    this.abort(error)
    return true
  }

  /** A clean end would make a truncated body look whole (RFC 9112, section 8). */
  abort(error: Error): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#request.end(this.bodyBytes, error)
    this.#connection.reset()
  }

  /** The client is gone. */
  giveUp(error: Error): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#flow.cancel(error)
  }

  drained(): void {
    if (!this.#isDone) this.#flow.resume()
  }

  #flush(): void {
    if (this.#text === '') return
    const text = this.#text
    this.#text = ''
    this.#connection.writeText(text)
  }
}
