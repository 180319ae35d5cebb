/** Gathers a body for a plugin that wants all of it, without losing it where it turns out to be too long. */
import { Body, type BodyFlow, type BodySink, type BodySource, type HeaderList } from '@sluice/wire'

/** The whole body; or, where it is longer than allowed, the same body with what was gathered in front. */
export type GatheredBody =
  | { readonly bytes: Uint8Array; readonly trailers: HeaderList | undefined }
  | { readonly bytes: undefined; readonly rest: Body }

/** Rejects with what the body aborts with. */
export async function gatherBody(body: Body, maxBytes: number): Promise<GatheredBody> {
  const { inMemory } = body
  if ((body.length ?? 0) > maxBytes) return { bytes: undefined, rest: body }
  if (inMemory !== undefined) return { bytes: inMemory, trailers: undefined }
  return await new Promise((resolve, reject) => body.pipe(new GatheringSink(body.length, maxBytes, resolve, reject)))
}

/** A body of bytes and, where there are any, trailer fields. */
export function bodyOf(bytes: Uint8Array, trailers: HeaderList | undefined): Body {
  if (trailers === undefined) return Body.of(bytes)
  const source: BodySource = {
    start(sink) {
      if (bytes.length > 0) sink.write(bytes)
      sink.end(trailers)
    },
    resume() {},
    cancel() {},
  }
  return Body.from(source, bytes.length)
}

/** A sink that turns into a source where the body does not fit. */
class GatheringSink implements BodySink, BodySource {
  readonly #length: number | undefined
  readonly #maxBytes: number
  readonly #resolve: (gathered: GatheredBody) => void
  readonly #reject: (error: Error) => void
  readonly #chunks: Uint8Array[] = []
  #size = 0
  #flow!: BodyFlow
  #isTooLong = false
  #sink: BodySink | undefined = undefined
  /** What came before there was a reader to tell. */
  #last: { readonly error: Error | undefined; readonly trailers: HeaderList | undefined } | undefined = undefined

  constructor(
    length: number | undefined,
    maxBytes: number,
    resolve: (gathered: GatheredBody) => void,
    reject: (error: Error) => void,
  ) {
    this.#length = length
    this.#maxBytes = maxBytes
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#sink !== undefined) return this.#sink.write(chunk)
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size <= this.#maxBytes) return true
    if (!this.#isTooLong) {
      this.#isTooLong = true
      this.#resolve({ bytes: undefined, rest: Body.from(this, this.#length) })
    }
    return false
  }

  end(trailers?: HeaderList): void {
    if (this.#sink !== undefined) this.#sink.end(trailers)
    else if (this.#isTooLong) this.#last = { error: undefined, trailers }
    else this.#resolve({ bytes: Buffer.concat(this.#chunks, this.#size), trailers })
  }

  abort(error: Error): void {
    if (this.#sink !== undefined) this.#sink.abort(error)
    else if (this.#isTooLong) this.#last = { error, trailers: undefined }
    else this.#reject(error)
  }

  start(sink: BodySink): void {
    this.#sink = sink
    let wantsMore = true
    for (const chunk of this.#chunks.splice(0)) wantsMore = sink.write(chunk)
    if (this.#last === undefined) {
      if (wantsMore) this.#flow.resume()
    } else if (this.#last.error === undefined) sink.end(this.#last.trailers)
    else sink.abort(this.#last.error)
  }

  resume(): void {
    this.#flow.resume()
  }

  cancel(error: Error): void {
    this.#chunks.length = 0
    this.#flow.cancel(error)
  }
}
