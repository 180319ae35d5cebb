/** A connection of the wire engine that has become the end of a tunnel: bytes come from the engine's shared reads. */
import type { Socket } from 'node:net'
import { endSocket, resetSocket } from '@sluice/wire'
import type { TunnelEnd, TunnelReader } from './tunnel-end.ts'

/** What is kept of the bytes that come before anybody reads; then the peer has to wait. */
const MAX_UNREAD_BYTES = 65_536
/** A peer that has vanished without a word is found out by the kernel, whatever the idle timeout. */
const KEEP_ALIVE_MS = 60_000

/** A connection of the wire engine, on either side. */
export interface Releasable {
  readonly socket: Socket
  /** Nothing more is read as HTTP; the bytes go to `onBytes`, valid only during the call. */
  release(onBytes: (bytes: Buffer, length: number) => void): void
}

export class SocketEnd implements TunnelEnd {
  readonly #socket: Socket
  #reader: TunnelReader | undefined = undefined
  #unread: Buffer[] | undefined = undefined
  #unreadBytes = 0
  #isPaused = false
  #isClosed = false

  /** `head` is what has come already. `closed` is called when the connection is gone, read or not. */
  constructor(connection: Releasable, head: Buffer | undefined, closed?: () => void) {
    const socket = (this.#socket = connection.socket)
    if (head !== undefined && head.byteLength > 0) this.#keep(head)
    connection.release((bytes, length) => this.#take(bytes, length))
    socket.on('end', () => this.#reader?.ended())
    socket.on('drain', () => this.#reader?.drained())
    socket.on('close', () => {
      this.#isClosed = true
      closed?.()
      this.#reader?.closed(socket.errored ?? undefined)
    })
    if (socket.closed) {
      this.#isClosed = true
      closed?.()
      return
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    // Also before anybody reads: only who reads learns that the peer has left.
    if (!this.#isPaused) socket.resume()
  }

  open(reader: TunnelReader): void {
    const socket = this.#socket
    this.#reader = reader
    const unread = this.#unread ?? []
    this.#unread = undefined
    let wantsMore = true
    for (const chunk of unread) wantsMore = reader.bytes(chunk)
    // What happened before there was anybody to tell has happened all the same.
    if (socket.readableEnded) reader.ended()
    if (this.#isClosed) return reader.closed(socket.errored ?? undefined)
    if (wantsMore) this.resume()
    else this.#pause()
  }

  write(chunk: Buffer): boolean {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return true
    // A chunk that is larger than the stream's mark, but was taken by the kernel whole, leaves nothing to wait for.
    return socket.write(chunk) || socket.writableLength === 0
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  end(flushed?: () => void): void {
    endSocket(this.#socket, flushed)
  }

  reset(): void {
    resetSocket(this.#socket)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #take(bytes: Buffer, length: number): void {
    const chunk = Buffer.allocUnsafe(length)
    bytes.copy(chunk, 0, 0, length)
    if (this.#reader === undefined) this.#keep(chunk)
    else if (!this.#reader.bytes(chunk)) this.#pause()
  }

  #keep(chunk: Buffer): void {
    if (this.#unread === undefined) this.#unread = [chunk]
    else this.#unread.push(chunk)
    this.#unreadBytes += chunk.byteLength
    if (this.#unreadBytes >= MAX_UNREAD_BYTES) this.#pause()
  }

  #pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }
}
