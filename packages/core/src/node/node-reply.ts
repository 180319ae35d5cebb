/** Writes a reply to a `ServerResponse`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type BodyFlow, type BodySink, type HeaderList, latin1, resetSocket, sendableTrailers } from '@sluice/wire'
import type { Exchange } from '../exchange.ts'
import { frameReply } from '../reply-framing.ts'
import type { Reply } from '../reply.ts'
import { drain } from './node-body.ts'

/** Up to here decoding a body costs less than a second buffer does. */
const MAX_TEXT_BYTES = 8_192

const NOTHING = Buffer.alloc(0)

/** What a client may still send after an early reply before its connection is closed. */
const DRAIN = { bytes: 1_048_576, ms: 2_000 }

/** One reply on its way out. Ends the exchange when the response is closed. */
export class NodeReplyWriter implements BodySink {
  readonly #exchange: Exchange
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #reply: Reply | undefined = undefined
  #flow: BodyFlow | undefined = undefined
  #held: Uint8Array | undefined = undefined
  #isPiping = false
  #isWaiting = false
  #isDone = false
  #bytes = 0
  #error: Error | undefined = undefined
  /** Of the request as received, whatever a middleware makes of it. */
  readonly #hasBody: boolean

  constructor(exchange: Exchange, request: IncomingMessage, response: ServerResponse) {
    this.#exchange = exchange
    this.#request = request
    this.#response = response
    this.#hasBody = !exchange.body.isEmpty
    response.on('close', () => this.#closed())
    // Node 22 tells only the reply that has the connection of its end, not those of pipelined requests that wait for it.
    if (response.socket === null) this.#watchConnection(request.socket)
  }

  /** Writes head and body. Whatever goes wrong from here on ends the connection, not the process. */
  send(reply: Reply, isClosing: boolean): void {
    // A client that is still sending may be done by the end of this turn; then its connection can be kept.
    if (!this.#isRequestComplete() && !this.#exchange.body.isEmpty) setImmediate(() => this.#send(reply, isClosing))
    else this.#send(reply, isClosing)
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isDone) return true
    this.#bytes += chunk.byteLength
    // A first chunk that is at hand waits for the end of this turn: a small reply leaves in one write.
    if (this.#isPiping && this.#held === undefined && this.#bytes === chunk.byteLength) {
      this.#held = chunk
      return true
    }
    this.#flush()
    return this.#response.write(chunk) || this.#waitForDrain()
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone) return
    this.#isDone = true
    if (trailers !== undefined) this.#addTrailers(trailers)
    if (this.#isRequestComplete()) return this.#finish()
    this.#flush()
    this.#flushHead()
    drain(this.#request, this.#exchange.clock, DRAIN, () => this.#finish())
  }

  abort(error: Error): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#error = error
    // A clean end would make a truncated body look whole (RFC 9112, section 8).
    // A pipelined reply whose turn has not come has no socket yet: it breaks the connection when it gets it.
    if (this.#response.socket === null) this.#response.destroy()
    else resetSocket(this.#response.socket)
  }

  #send(reply: Reply, isClosing: boolean): void {
    const response = this.#response
    this.#reply = reply
    if (response.destroyed || response.headersSent) return reply.body.cancel()
    try {
      frameReply(reply, this.#exchange.received.method)
      if (isClosing || reply.closesConnection || !this.#isRequestComplete()) reply.headers.set('Connection', 'close')
      response.writeHead(reply.status, reply.headers.raw() as string[])
      this.#pipe(reply)
    } catch (error) {
      this.#exchange.settings.onInternalError(error, this.#exchange)
      reply.body.cancel()
      this.abort(error as Error)
    }
  }

  #pipe(reply: Reply): void {
    const { latin1: text } = reply.body
    // Small, whole, and text already: one write with the head.
    if (text !== undefined && this.#isRequestComplete() && this.#exchange.received.method !== 'HEAD') {
      this.#isDone = true
      this.#bytes = text.length
      return void this.#response.end(text, 'latin1')
    }
    this.#isPiping = true
    reply.body.pipe(this)
    this.#isPiping = false
    if (this.#isDone) return
    // The head leaves at once even where the body takes its time, as with server-sent events.
    if (this.#held === undefined) this.#flushHead()
    else this.#flush()
  }

  /** Not by `flushHeaders`, which writes the head as UTF-8: bytes beyond ASCII would become two. */
  #flushHead(): void {
    this.#response.write(NOTHING)
  }

  #flush(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    if (!this.#response.write(held)) this.#waitForDrain()
  }

  #finish(): void {
    const held = this.#held
    this.#held = undefined
    if (held === undefined) this.#response.end()
    // As text a small body leaves in one write with its head; as bytes Node would make it a vector of two.
    else if (held.byteLength <= MAX_TEXT_BYTES) this.#response.end(latin1(held), 'latin1')
    else this.#response.end(held)
  }

  #waitForDrain(): false {
    // Chunks may still come after the first `false`; one listener is enough for all of them.
    if (this.#isWaiting) return false
    this.#isWaiting = true
    this.#response.once('drain', () => {
      this.#isWaiting = false
      this.#flow?.resume()
    })
    return false
  }

  #addTrailers(trailers: HeaderList): void {
    if (this.#reply?.body.length !== undefined) return
    this.#response.addTrailers([...sendableTrailers(trailers)])
  }

  /** A request without a body is complete with its head, though Node says so only after the handler has returned. */
  #isRequestComplete(): boolean {
    return !this.#hasBody || this.#request.complete
  }

  #watchConnection(socket: Socket): void {
    const gone = () => this.#closed()
    socket.once('close', gone)
    this.#exchange.onEnd(() => socket.off('close', gone))
  }

  #closed(): void {
    const isWhole = this.#response.writableFinished && this.#error === undefined
    if (!isWhole) {
      this.#isDone = true
      this.#exchange.abort()
      this.#flow?.cancel(this.#exchange.aborted!)
    }
    this.#exchange.end(this.#reply, this.#bytes, isWhole ? undefined : (this.#error ?? this.#exchange.aborted))
  }
}
