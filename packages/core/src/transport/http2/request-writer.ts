/** The body of a request on its way into its stream, with its trailers. */
import type { ClientHttp2Stream } from 'node:http2'
import { type BodyFlow, type BodySink, type HeaderList, NO_FLOW } from '@sluice/wire'
import { type AnyProxyError, DownstreamError, InternalError, ProxyError } from '../../errors.ts'
import { trailerFields } from '../../node/http2/reply-fields.ts'

/** Whose body it is. */
export interface RequestWriterOwner {
  /** It is the target's turn, to take what waits for it or to answer; or that of whoever sends the body. */
  awaitTarget(isItsTurn: boolean): void
  giveUp(error: AnyProxyError): void
}

const UNKNOWN = -1

export class RequestWriter implements BodySink {
  /** Whether all of it was handed over. */
  isSent = false
  readonly #stream: ClientHttp2Stream
  readonly #owner: RequestWriterOwner
  #flow: BodyFlow = NO_FLOW
  /** Bytes that the body has still to give, where that is known. */
  #toSend: number
  #trailers: HeaderList | undefined = undefined
  #isStopped = false

  /** The stream waits for trailers where the body flows. */
  constructor(stream: ClientHttp2Stream, length: number | undefined, owner: RequestWriterOwner) {
    this.#stream = stream
    this.#owner = owner
    this.#toSend = length ?? UNKNOWN
    stream.on('drain', () => this.#drained())
    stream.on('wantTrailers', () => this.#sendTrailers())
  }

  /** Nothing more is sent, and the rest of the body is not wanted. */
  stop(error: Error): void {
    if (this.#isStopped) return
    this.#isStopped = true
    if (!this.isSent) this.#flow.cancel(error)
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isStopped || chunk.byteLength === 0) return true
    if (this.#toSend !== UNKNOWN && (this.#toSend -= chunk.byteLength) < 0) return this.#breakAgreement()
    const hasRoom = this.#stream.write(chunk)
    this.#owner.awaitTarget(!hasRoom)
    return hasRoom
  }

  end(trailers?: HeaderList): void {
    if (this.#isStopped || this.isSent) return
    if (this.#toSend > 0) return void this.#breakAgreement()
    this.isSent = true
    this.#trailers = trailers
    this.#owner.awaitTarget(true)
    this.#stream.end()
  }

  /** The client's body broke off: the target must not take what it has for the whole. */
  abort(cause: Error): void {
    if (this.#isStopped || this.isSent) return
    this.#owner.giveUp(ProxyError.is(cause) ? cause : new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause }))
  }

  #breakAgreement(): true {
    const message = 'the body is not as long as was announced'
    this.#owner.giveUp(new InternalError('ERR_SLUICE_INTERNAL', { message }))
    return true
  }

  #drained(): void {
    if (this.#isStopped) return
    this.#owner.awaitTarget(this.isSent)
    if (!this.isSent) this.#flow.resume()
  }

  #sendTrailers(): void {
    const stream = this.#stream
    if (stream.destroyed || stream.closed) return
    // Without any, this ends the stream.
    stream.sendTrailers(this.#trailers === undefined ? {} : trailerFields(this.#trailers))
  }
}
