/** Sources for bodies that come from elsewhere: a Node stream, a web stream. */
import type { Readable } from 'node:stream'
import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web'
import type { BodySink, BodySource } from './body-flow.ts'
import { WireError } from './errors.ts'

/** Lets a Node stream flow into a sink. */
export class ReadableSource implements BodySource {
  readonly #readable: Readable
  #settled = false

  constructor(readable: Readable) {
    this.#readable = readable
    // A stream without an error listener ends the process when it fails, also before anyone reads it.
    readable.on('error', ignore)
  }

  start(sink: BodySink): void {
    const readable = this.#readable
    if (readable.readableEnded) {
      return this.#fail(sink, new WireError('ERR_SLUICE_BODY_USED', 'the stream was read to its end before'))
    }
    if (readable.destroyed) return this.#fail(sink, readable.errored)
    readable.on('data', (chunk: Uint8Array | string) => {
      if (this.#settled) return
      if (!sink.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) readable.pause()
    })
    readable.on('end', () => {
      if (this.#settled) return
      this.#settled = true
      sink.end()
    })
    readable.on('error', (error: Error) => this.#fail(sink, error))
    readable.on('close', () => this.#fail(sink, null))
  }

  resume(): void {
    if (!this.#settled) this.#readable.resume()
  }

  cancel(_error: Error): void {
    this.#settled = true
    this.#readable.destroy()
  }

  #fail(sink: BodySink, cause: Error | null): void {
    if (this.#settled) return
    this.#settled = true
    sink.abort(cause ?? new WireError('ERR_SLUICE_BODY_ABORTED', 'the stream was closed before its end'))
  }
}

/** Lets a web stream flow into a sink. */
export class WebStreamSource implements BodySource {
  readonly #stream: ReadableStream<Uint8Array>
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #settled = false
  #wake: (() => void) | undefined

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = stream
  }

  start(sink: BodySink): void {
    void this.#pump(sink)
  }

  resume(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  cancel(error: Error): void {
    if (this.#settled) return
    this.#settled = true
    this.resume()
    // Someone else may hold the stream's lock; then it is theirs to end.
    const cancelled = this.#reader === undefined ? this.#stream.cancel(error) : this.#reader.cancel(error)
    cancelled.catch(ignore)
  }

  async #pump(sink: BodySink): Promise<void> {
    try {
      const reader = (this.#reader = this.#stream.getReader())
      for (;;) {
        const { done, value } = await reader.read()
        if (this.#settled) return
        if (done) break
        if (!sink.write(value)) await new Promise<void>((resolve) => (this.#wake = resolve))
        if (this.#settled) return
      }
      this.#settled = true
      sink.end()
    } catch (error) {
      if (this.#settled) return
      this.#settled = true
      sink.abort(
        error instanceof Error
          ? error
          : new WireError('ERR_SLUICE_BODY_ABORTED', 'the stream failed', { cause: error }),
      )
    }
  }
}

function ignore(): void {}
