/** A stored body with the trailer fields that came behind it. Its length is not announced: trailers need chunks to stand behind. */
import { type Body, type BodyFlow, type BodySink, HeaderList } from '@sluice/wire'

export function trailingBody(body: Body, trailers: readonly string[]): Body {
  return body.transform((sink) => new TrailingSink(sink, HeaderList.received(trailers.slice())))
}

class TrailingSink implements BodySink {
  readonly #sink: BodySink
  readonly #trailers: HeaderList

  constructor(sink: BodySink, trailers: HeaderList) {
    this.#sink = sink
    this.#trailers = trailers
  }

  begin(flow: BodyFlow): void {
    this.#sink.begin(flow)
  }

  write(chunk: Uint8Array): boolean {
    return this.#sink.write(chunk)
  }

  end(): void {
    this.#sink.end(this.#trailers)
  }

  abort(error: Error): void {
    this.#sink.abort(error)
  }
}
