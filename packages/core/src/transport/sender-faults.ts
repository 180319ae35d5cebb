/** A request's body whose failure can be told from the target's: undici hands either over as one error of the request. */
import type { Body, BodyFlow, BodySink, HeaderList } from '@sluice/wire'
import { DownstreamError, ProxyError } from '../errors.ts'

/** The same body; what it aborts with is an error of ours, and of the client's side. */
export function markSenderFaults(body: Body): Body {
  return body.transform((sink) => new MarkingSink(sink), body.length)
}

class MarkingSink implements BodySink {
  readonly #sink: BodySink

  constructor(sink: BodySink) {
    this.#sink = sink
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
    this.#sink.abort(ProxyError.is(cause) ? cause : new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause }))
  }
}
