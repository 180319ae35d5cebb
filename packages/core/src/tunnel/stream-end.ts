/** A Node stream as the end of a tunnel: a socket of `node:http`'s or undici's, or any other duplex. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { resetSocket } from '@sluice/wire'
import type { TunnelEnd, TunnelReader } from './tunnel-end.ts'

const KEEP_ALIVE_MS = 60_000

export class StreamEnd implements TunnelEnd {
  readonly #stream: Duplex
  #head: Buffer | undefined
  #reader: TunnelReader | undefined = undefined

  /** `head` is what has come already. */
  constructor(stream: Duplex, head?: Buffer) {
    this.#stream = stream
    this.#head = head
    stream.on('error', ignore)
    if (!(stream instanceof Socket) || stream.destroyed) return
    stream.setNoDelay(true)
    stream.setKeepAlive(true, KEEP_ALIVE_MS)
  }

  open(reader: TunnelReader): void {
    const stream = this.#stream
    this.#reader = reader
    const head = this.#head
    this.#head = undefined
    const wantsMore = head === undefined || head.byteLength === 0 || reader.bytes(head)
    if (stream.readableEnded) reader.ended()
    if (stream.closed) return reader.closed(stream.errored ?? undefined)
    stream.on('data', this.#take)
    stream.on('drain', () => reader.drained())
    stream.once('end', () => reader.ended())
    stream.once('close', () => reader.closed(stream.errored ?? undefined))
    if (wantsMore) stream.resume()
    else stream.pause()
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
    if (this.#stream instanceof Socket) resetSocket(this.#stream)
    else this.#stream.destroy()
  }

  destroy(): void {
    this.#stream.destroy()
  }

  readonly #take = (chunk: Buffer): void => {
    if (!this.#reader!.bytes(chunk)) this.#stream.pause()
  }
}

function ignore(): void {}
