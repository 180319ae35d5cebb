import type { Socket } from 'node:net'
/** A connection that has become a tunnel, as a Node stream: its socket hands out bytes by callback, not by events. */
import { Duplex } from 'node:stream'

/** A connection of the wire engine, on either side. */
export interface Releasable {
  readonly socket: Socket
  /** Nothing more is read as HTTP; the bytes go to `onBytes`. */
  release(onBytes: (bytes: Buffer, length: number) => void): void
}

export class RawDuplex extends Duplex {
  readonly #socket: Socket

  /** `head` is what has come already. */
  constructor(connection: Releasable, head: Buffer | undefined) {
    super({ allowHalfOpen: true })
    const socket = (this.#socket = connection.socket)
    if (head !== undefined && head.byteLength > 0) this.push(head)
    connection.release((bytes, length) => {
      if (!this.push(Buffer.from(bytes.subarray(0, length)))) socket.pause()
    })
    // What happened before there was anybody to listen has happened all the same.
    if (socket.readableEnded) this.push(null)
    else socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
    this.on('error', () => {})
    if (socket.destroyed) this.destroy()
    else socket.resume()
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(() => callback())
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy()
    callback(error)
  }
}
