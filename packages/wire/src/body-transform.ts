import type { BodyFlow, BodySink, BodySource } from './body-flow.ts'
/** A source made of another body and a transformer between the two. */
import type { Body } from './body.ts'
import type { HeaderList } from './header-list.ts'

export class TransformedSource implements BodySource, BodySink {
  readonly #body: Body
  readonly #transformer: (sink: BodySink) => BodySink
  #flow: BodyFlow | undefined
  #sink!: BodySink
  #ended = false

  constructor(body: Body, transformer: (sink: BodySink) => BodySink) {
    this.#body = body
    this.#transformer = transformer
  }

  start(sink: BodySink): void {
    // The reader may have had its fill when it learned what it gets: a body longer than it takes.
    if (this.#ended) return
    this.#sink = sink
    this.#body.pipe(this.#transformer(this))
  }

  resume(): void {
    this.#flow?.resume()
  }

  cancel(error: Error): void {
    this.#ended = true
    if (this.#flow === undefined) this.#body.cancel(error)
    else this.#flow.cancel(error)
  }

  // The transformer's result arrives here and goes on to the reader, which had its `begin` with this source as its flow.
  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    return this.#ended || this.#sink.write(chunk)
  }

  end(trailers?: HeaderList): void {
    if (this.#ended) return
    this.#ended = true
    this.#sink.end(trailers)
  }

  abort(error: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#sink.abort(error)
  }
}
