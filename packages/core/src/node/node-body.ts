/** The body of a request of `node:http`, as a source: backpressure by pausing the request, and an end that can be told from a break. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Body, type BodySink, type BodySource, type Clock, HeaderList } from '@sluice/wire'
import { DownstreamError } from '../errors.ts'

/** The body of `request`. With `answersExpect` the client's `100-continue` is answered when the body is first read. */
export function nodeBody(
  request: IncomingMessage,
  response: ServerResponse,
  headers: HeaderList,
  maxBytes: number,
  answersExpect: boolean,
): Body {
  const length = headers.get('content-length')
  if (length === undefined && !headers.has('transfer-encoding')) return Body.empty
  if (length === '0') return Body.empty
  const source = new NodeRequestBody(request, answersExpect ? response : undefined, maxBytes)
  return Body.from(source, length === undefined ? undefined : Number(length))
}

class NodeRequestBody implements BodySource {
  readonly #request: IncomingMessage
  readonly #continuer: ServerResponse | undefined
  readonly #maxBytes: number
  #sink: BodySink | undefined = undefined
  #size = 0

  constructor(request: IncomingMessage, continuer: ServerResponse | undefined, maxBytes: number) {
    this.#request = request
    this.#continuer = continuer
    this.#maxBytes = maxBytes
  }

  start(sink: BodySink): void {
    const request = this.#request
    this.#sink = sink
    if (request.destroyed && !request.readableEnded) return this.#abort(new DownstreamError('ERR_SLUICE_CLIENT_ABORT'))
    request.on('data', (chunk: Uint8Array) => this.#take(chunk))
    request.on('end', () => this.#end())
    // A request that breaks off emits `error` only where somebody listens, but always `close`.
    request.on('close', () => this.#abort(new DownstreamError('ERR_SLUICE_CLIENT_ABORT')))
    request.on('error', (cause) => this.#abort(new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause })))
    this.#continuer?.writeContinue()
  }

  resume(): void {
    if (this.#sink !== undefined) this.#request.resume()
  }

  cancel(_error: Error): void {
    this.#sink = undefined
    // What the client still sends waits in the socket until the reply is written; then it is drained within bounds.
    this.#request.pause()
  }

  #take(chunk: Uint8Array): void {
    if (this.#sink === undefined) return
    this.#size += chunk.byteLength
    if (this.#size > this.#maxBytes) {
      this.#request.pause()
      this.#abort(new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE'))
    } else if (!this.#sink.write(chunk)) this.#request.pause()
  }

  #end(): void {
    const sink = this.#sink
    this.#sink = undefined
    const { rawTrailers } = this.#request
    sink?.end(rawTrailers.length > 0 ? HeaderList.received(rawTrailers) : undefined)
  }

  #abort(error: DownstreamError): void {
    const sink = this.#sink
    this.#sink = undefined
    sink?.abort(error)
  }
}

/** Reads and drops what a client still sends, up to a bound; then calls back. */
export function drain(
  request: IncomingMessage,
  clock: Clock,
  bounds: { readonly bytes: number; readonly ms: number },
  done: () => void,
): void {
  let left = bounds.bytes
  let isDone = false
  const finish = () => {
    if (isDone) return
    isDone = true
    timer.cancel()
    request.pause()
    done()
  }
  const timer = clock.schedule(bounds.ms, finish)
  request.on('data', (chunk: Uint8Array) => {
    left -= chunk.byteLength
    if (left < 0) finish()
  })
  request.on('end', finish)
  request.on('close', finish)
  request.on('error', finish)
  request.resume()
}
