/** A body that reports its end: for adapters whose reader is not ours. */
import type { Body, BodyFlow, BodySink, HeaderList } from '@sluice/wire'

/** The same body; `onEnd` is called once, with the bytes that flowed and why they were not all. */
export function observeBody(
  body: Body,
  onEnd: (bytes: number, error: Error | undefined, trailers: HeaderList | undefined) => void,
): Body {
  return body.transform((sink) => new ObservingSink(sink, onEnd), body.length)
}

class ObservingSink implements BodySink {
  readonly #sink: BodySink
  readonly #onEnd: (bytes: number, error: Error | undefined, trailers: HeaderList | undefined) => void
  #bytes = 0
  #isDone = false

  constructor(
    sink: BodySink,
    onEnd: (bytes: number, error: Error | undefined, trailers: HeaderList | undefined) => void,
  ) {
    this.#sink = sink
    this.#onEnd = onEnd
  }

  begin(flow: BodyFlow): void {
    this.#sink.begin({
      resume: () => flow.resume(),
      cancel: (error) => {
        flow.cancel(error)
        this.#finish(error)
      },
    })
  }

  write(chunk: Uint8Array): boolean {
    this.#bytes += chunk.byteLength
    return this.#sink.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#sink.end(trailers)
    this.#finish(undefined, trailers)
  }

  abort(error: Error): void {
    this.#sink.abort(error)
    this.#finish(error)
  }

  #finish(error: Error | undefined, trailers?: HeaderList): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#onEnd(this.#bytes, error, trailers)
  }
}
