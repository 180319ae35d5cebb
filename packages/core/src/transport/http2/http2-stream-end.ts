/** The target's end of a tunnel that runs in a stream of HTTP/2 (RFC 8441, section 5). */
import { constants, type Http2Stream } from 'node:http2'
import type { TunnelEnd, TunnelReader } from '../../tunnel/tunnel-end.ts'

export class Http2StreamEnd implements TunnelEnd {
  readonly #stream: Http2Stream
  #reader: TunnelReader | undefined = undefined

  constructor(stream: Http2Stream) {
    this.#stream = stream
  }

  open(reader: TunnelReader): void {
    const stream = this.#stream
    this.#reader = reader
    // Its `close` may have been before.
    if (stream.destroyed) return process.nextTick(() => reader.closed(undefined))
    stream.on('data', this.#take)
    stream.on('drain', () => reader.drained())
    // A reset without an error ends the stream as well: that is no orderly end.
    stream.once('end', () => stream.aborted || reader.ended())
    stream.once('close', () => reader.closed(undefined))
  }

  write(chunk: Buffer): boolean {
    const stream = this.#stream
    if (stream.destroyed || stream.writableEnded) return true
    return stream.write(chunk) || stream.writableLength === 0
  }

  resume(): void {
    if (this.#stream.isPaused()) this.#stream.resume()
  }

  end(flushed?: () => void): void {
    this.#stream.end(flushed)
  }

  reset(): void {
    // Where TCP has a reset, HTTP/2 has this one (RFC 8441, section 5).
    if (this.#stream.closed) this.#stream.destroy()
    else this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  destroy(): void {
    this.#stream.destroy()
  }

  readonly #take = (chunk: Buffer): void => {
    if (!this.#reader!.bytes(chunk)) this.#stream.pause()
  }
}
