/** A reply's body that ends with a status of gRPC where it breaks off: a client then knows why, and whether to try again. */
import type { Body, BodyFlow, BodySink, HeaderList } from '@sluice/wire'
import { type AnyProxyError, InternalError, ProxyError } from '../errors.ts'

/** The same body. `trailersFor` says what it ends with. */
export function statusOnBreak(body: Body, trailersFor: (error: AnyProxyError) => HeaderList): Body {
  return body.transform((sink) => new StatusOnBreak(sink, trailersFor))
}

class StatusOnBreak implements BodySink {
  readonly #sink: BodySink
  readonly #trailersFor: (error: AnyProxyError) => HeaderList

  constructor(sink: BodySink, trailersFor: (error: AnyProxyError) => HeaderList) {
    this.#sink = sink
    this.#trailersFor = trailersFor
  }

  begin(flow: BodyFlow): void {
    this.#sink.begin(flow)
  }

  write(chunk: Uint8Array): boolean {
    return this.#sink.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#sink.end(trailers)
  }

  abort(cause: Error): void {
    const error = ProxyError.is(cause) ? cause : new InternalError('ERR_SLUICE_INTERNAL', { cause })
    this.#sink.end(this.#trailersFor(error))
  }
}
