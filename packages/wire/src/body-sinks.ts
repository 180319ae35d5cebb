/** Sinks for those who look at a body: one that gathers it, one that is a Node stream, one behind a web stream. */
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import type { ReadableStreamDefaultController } from 'node:stream/web'
import type { BodyFlow, BodySink } from './body-flow.ts'
import type { Body } from './body.ts'
import { WireError } from './errors.ts'
import type { HeaderList } from './header-list.ts'

/** Gathers a body of at most `maxBytes`. */
export class CollectingSink implements BodySink {
  readonly whole: Promise<Buffer>
  readonly #body: Body
  readonly #maxBytes: number
  readonly #chunks: Uint8Array[] = []
  #size = 0
  #flow!: BodyFlow
  #resolve!: (bytes: Buffer) => void
  #reject!: (error: Error) => void

  constructor(body: Body, maxBytes: number) {
    this.#body = body
    this.#maxBytes = maxBytes
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    this.#size += chunk.byteLength
    if (this.#size <= this.#maxBytes) this.#chunks.push(chunk)
    else this.#giveUp(this.tooLarge())
    return true
  }

  end(): void {
    const [only] = this.#chunks
    const single = this.#chunks.length === 1 && only instanceof Uint8Array
    this.#resolve(
      single ? Buffer.from(only.buffer, only.byteOffset, only.byteLength) : Buffer.concat(this.#chunks, this.#size),
    )
  }

  abort(error: Error): void {
    this.#reject(error)
  }

  /** Whether a body of this length, where that is known, would fit. */
  accepts(length: number | undefined): boolean {
    return length === undefined || length <= this.#maxBytes
  }

  tooLarge(): WireError {
    const message = `the body has more than the ${this.#maxBytes} bytes allowed`
    return new WireError('ERR_SLUICE_BODY_TOO_LARGE', message, { body: this.#body })
  }

  #giveUp(error: WireError): void {
    this.#chunks.length = 0
    this.#reject(error)
    this.#flow.cancel(error)
  }
}

/** A Node stream that is fed by a body. */
export class ReadableSink extends Readable implements BodySink {
  readonly #body: Body
  readonly #keepUnread: boolean
  #flow: BodyFlow | undefined
  #done = false
  /** The trailer fields, once the body is complete and had any. */
  trailers: HeaderList | undefined

  constructor(body: Body, keepUnread: boolean) {
    super()
    this.#body = body
    this.#keepUnread = keepUnread
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    return this.destroyed || this.push(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#done = true
    this.trailers = trailers
    this.push(null)
  }

  abort(error: Error): void {
    this.#done = true
    this.destroy(error)
  }

  override _read(): void {
    if (this.#flow !== undefined) return this.#flow.resume()
    try {
      this.#body.pipe(this)
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#done) {
      this.#done = true
      const reason = error ?? new WireError('ERR_SLUICE_BODY_ABORTED', 'the reader went away')
      if (this.#flow !== undefined) this.#flow.cancel(reason)
      else if (!this.#keepUnread) this.#body.cancel(reason)
    }
    callback(error)
  }
}

/** A web stream that is fed by `body`. */
export function webStreamOf(body: Body): ReadableStream<Uint8Array> {
  let sink: ControllerSink
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sink = new ControllerSink(controller)
        body.pipe(sink)
      },
      pull: () => sink.flow.resume(),
      cancel: (reason) => sink.cancel(reason),
    },
    { highWaterMark: 65_536, size: (chunk) => chunk.byteLength },
  )
}

class ControllerSink implements BodySink {
  flow!: BodyFlow
  readonly #controller: ReadableStreamDefaultController<Uint8Array>
  #done = false

  constructor(controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#controller = controller
  }

  begin(flow: BodyFlow): void {
    this.flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#done) return true
    this.#controller.enqueue(chunk)
    return (this.#controller.desiredSize ?? 0) > 0
  }

  end(): void {
    if (this.#done) return
    this.#done = true
    this.#controller.close()
  }

  abort(error: Error): void {
    if (this.#done) return
    this.#done = true
    this.#controller.error(error)
  }

  cancel(reason: unknown): void {
    if (this.#done) return
    this.#done = true
    this.flow.cancel(
      reason instanceof Error
        ? reason
        : new WireError('ERR_SLUICE_BODY_ABORTED', 'the reader went away', { cause: reason }),
    )
  }
}
