/**
 * The body of a request, from its stream. Flow control is backpressure: while nobody reads, the client's window is not opened
 * again, so what waits is bounded by it (RFC 9113, section 5.2).
 */
import type { ServerHttp2Stream } from 'node:http2'
import { Body, type BodySink, type BodySource, HeaderList } from '@sluice/wire'
import { type AnyProxyError, DownstreamError } from '../../errors.ts'

export class Http2RequestBody implements BodySource {
  readonly body: Body
  readonly #stream: ServerHttp2Stream
  #sink: BodySink | undefined = undefined
  #trailers: HeaderList | undefined = undefined
  #outcome: 'flowing' | 'complete' | 'unwanted' | AnyProxyError = 'flowing'
  #hasStarted = false
  #isPaused = false
  #owesContinue: boolean

  constructor(stream: ServerHttp2Stream, length: number | undefined, owesContinue: boolean) {
    this.#stream = stream
    this.#owesContinue = owesContinue
    this.body = Body.from(this, length)
    // From the beginning: they may come before anybody reads, and come once.
    stream.once('trailers', this.#takeTrailers)
  }

  /** Whether all of it has come, and was read. */
  get isComplete(): boolean {
    return this.#outcome === 'complete'
  }

  start(sink: BodySink): void {
    const stream = this.#stream
    if (this.#outcome === 'unwanted') return sink.abort(new DownstreamError('ERR_SLUICE_CLIENT_ABORT'))
    if (this.#outcome !== 'flowing') return sink.abort(this.#outcome as AnyProxyError)
    if (stream.destroyed) return sink.abort(new DownstreamError('ERR_SLUICE_CLIENT_ABORT'))
    this.#sink = sink
    this.#hasStarted = true
    if (this.#owesContinue && !stream.headersSent && !stream.closed) {
      this.#owesContinue = false
      stream.additionalHeaders({ ':status': 100 })
    }
    stream.on('data', this.#take)
    stream.once('end', this.#end)
  }

  resume(): void {
    if (!this.#isPaused || this.#outcome !== 'flowing') return
    this.#isPaused = false
    this.#stream.resume()
  }

  /** What the client still sends stays within its window. */
  cancel(_error?: Error): void {
    this.#sink = undefined
    if (this.#outcome !== 'flowing') return
    this.#outcome = 'unwanted'
    if (this.#hasStarted) this.#stream.pause()
  }

  /** The rest does not come. */
  breakOff(error: AnyProxyError): void {
    if (this.#outcome === 'complete' || typeof this.#outcome === 'object') return
    this.#outcome = error
    const sink = this.#sink
    this.#sink = undefined
    if (this.#hasStarted) this.#stream.pause()
    sink?.abort(error)
  }

  /** The reply is out: what has come and nobody wants is thrown away, so that the stream can go. */
  drop(): void {
    this.cancel()
    if (!this.#hasStarted) this.#stream.on('data', this.#take)
    this.#stream.resume()
  }

  readonly #take = (chunk: Buffer): void => {
    const sink = this.#sink
    if (sink === undefined) return
    if (sink.write(chunk) || this.#isPaused || this.#sink !== sink) return
    this.#isPaused = true
    this.#stream.pause()
  }

  readonly #takeTrailers = (_fields: unknown, _flags: number, raw: string[]): void => {
    this.#trailers = HeaderList.received(raw)
  }

  readonly #end = (): void => {
    // A reset without an error ends the stream as well, but not the body. Behind a complete reply the two look the same.
    if (this.#stream.closed) return this.breakOff(new DownstreamError('ERR_SLUICE_CLIENT_ABORT'))
    if (this.#outcome !== 'flowing') return
    this.#outcome = 'complete'
    const sink = this.#sink
    this.#sink = undefined
    sink?.end(this.#trailers)
  }
}
