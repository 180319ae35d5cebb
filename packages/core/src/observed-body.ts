/** A body that reports its end: for adapters whose reader is not ours. */
import { Body, type BodyFlow, type BodySink, type BodySource, type HeaderList } from '@sluice/wire'

type OnEnd = (bytes: number, error: Error | undefined, trailers: HeaderList | undefined) => void

/** The same body; `onEnd` is called once, with the bytes that flowed and why they were not all. */
export function observeBody(body: Body, onEnd: OnEnd): Body {
  return Body.from(new ObservedSource(body, onEnd), body.length)
}

/** Stands between a body and its reader. A reader that gives up before its first read is an end as well. */
class ObservedSource implements BodySource, BodySink {
  readonly #body: Body
  readonly #onEnd: OnEnd
  #sink!: BodySink
  #flow: BodyFlow | undefined = undefined
  #bytes = 0
  #isDone = false

  constructor(body: Body, onEnd: OnEnd) {
    this.#body = body
    this.#onEnd = onEnd
  }

  start(sink: BodySink): void {
    if (this.#isDone) return
    this.#sink = sink
    this.#body.pipe(this)
  }

  resume(): void {
    this.#flow?.resume()
  }

  cancel(error: Error): void {
    if (this.#flow === undefined) this.#body.cancel(error)
    else this.#flow.cancel(error)
    this.#finish(error)
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isDone) return true
    this.#bytes += chunk.byteLength
    return this.#sink.write(chunk)
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone) return
    this.#sink.end(trailers)
    this.#finish(undefined, trailers)
  }

  abort(error: Error): void {
    if (this.#isDone) return
    this.#sink.abort(error)
    this.#finish(error)
  }

  #finish(error: Error | undefined, trailers?: HeaderList): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#onEnd(this.#bytes, error, trailers)
  }
}
