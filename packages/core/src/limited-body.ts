/** A body that may not be longer than allowed, for adapters that can't count on their way in. */
import type { Body, BodyFlow, BodySink, HeaderList } from '@sluice/wire'
import { DownstreamError } from './errors.ts'

/** The same body, which aborts with `ERR_SLUICE_BODY_TOO_LARGE` once more than `maxBytes` have flowed. */
export function limitBody(body: Body, maxBytes: number): Body {
  if (maxBytes === Number.POSITIVE_INFINITY || (body.length ?? Number.POSITIVE_INFINITY) <= maxBytes) return body
  return body.transform((sink) => new LimitingSink(sink, maxBytes), body.length)
}

class LimitingSink implements BodySink {
  readonly #sink: BodySink
  #left: number
  #flow!: BodyFlow

  constructor(sink: BodySink, maxBytes: number) {
    this.#sink = sink
    this.#left = maxBytes
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
    this.#sink.begin(flow)
  }

  write(chunk: Uint8Array): boolean {
    this.#left -= chunk.byteLength
    if (this.#left >= 0) return this.#sink.write(chunk)
    const error = new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE')
    this.#sink.abort(error)
    this.#flow.cancel(error)
    return true
  }

  end(trailers?: HeaderList): void {
    this.#sink.end(trailers)
  }

  abort(error: Error): void {
    this.#sink.abort(error)
  }
}
