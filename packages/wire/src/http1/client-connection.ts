/**
 * One connection to a target: a request out, its reply back, one after the other. What a target sends beyond its reply, or
 * before it was asked, makes the connection unusable: nothing that was not asked for can become anybody's reply.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { resetSocket } from '../net/reset-socket.ts'
import type { OnBytes } from '../net/shared-reads.ts'
import { TextWriter } from '../net/text-writer.ts'
import { unsentBytes } from '../net/unsent-bytes.ts'
import { writeParts } from '../net/write-parts.ts'
import { HeadReader } from './head-reader.ts'
import type { MessageLimits } from './limits.ts'
import { MessageError } from './message-error.ts'
import type { OutgoingRequest } from './outgoing-request.ts'

/** Many replies are not longer, head and body together: those are decoded once. */
const FIRST_LOOK = 2_048

const NOTHING = Buffer.alloc(0)

/** Why a connection was closed. */
export type CloseReason =
  | 'idle'
  | 'aged'
  | 'used-up'
  | 'target'
  | 'error'
  | 'cancelled'
  | 'not-reusable'
  | 'pool-closed'

/** What a pool wants to know. */
export interface ClientConnectionOwner {
  readonly clock: Clock
  readonly limits: MessageLimits
  /** It can take the next request. */
  released(connection: ClientConnection): void
  closed(connection: ClientConnection, reason: CloseReason): void
}

export class ClientConnection {
  readonly openedAt: number
  readonly lifetimeMs: number
  /** When it last became idle. */
  idleSince: number
  /** Requests so far. */
  requests = 0
  readonly heads: HeadReader
  readonly #owner: ClientConnectionOwner
  readonly #deadline: Deadline
  #socket!: Socket
  #writer!: TextWriter
  #current: OutgoingRequest | undefined = undefined
  #isPaused = false
  #isUsable = true
  #reason: CloseReason | undefined = undefined
  #error: Error | undefined = undefined
  #onTunnelBytes: OnBytes | undefined = undefined

  /** `lifetimeMs`: how old it may become. */
  constructor(owner: ClientConnectionOwner, lifetimeMs: number) {
    this.lifetimeMs = lifetimeMs
    this.#owner = owner
    this.heads = new HeadReader(owner.limits.maxHeadBytes, { prefix: 'HTTP/1.', firstLook: FIRST_LOOK })
    this.#deadline = new Deadline(owner.clock, () => this.#current?.expired())
    this.openedAt = owner.clock.now()
    this.idleSince = this.openedAt
  }

  /** Takes a socket that is connected; its bytes must come to {@link read}. */
  attach(socket: Socket): void {
    this.#socket = socket
    this.#writer = new TextWriter(socket)
    socket.on('error', (error) => (this.#error = error))
    socket.on('end', () => this.#targetEnded())
    socket.on('drain', () => this.#current?.drained())
    socket.on('close', () => this.#closed())
  }

  get socket(): Socket {
    return this.#socket
  }

  get limits(): MessageLimits {
    return this.#owner.limits
  }

  /** Whether it could take a request now, as far as anybody can know. */
  get isUsable(): boolean {
    return this.#isUsable && this.#current === undefined && !this.#socket.destroyed && !this.#socket.readableEnded
  }

  /** Sends a request; what becomes of it the request learns itself. */
  send(request: OutgoingRequest): void {
    this.#current = request
    this.requests++
    request.sendOn(this)
  }

  writeText(text: string): boolean {
    return this.#socket.destroyed || this.#writer.write(text)
  }

  writeParts(before: string, bytes: Uint8Array, after: string): boolean {
    return this.#socket.destroyed || writeParts(this.#socket, before, bytes, after)
  }

  /** The one deadline of the request under way. */
  get deadline(): Deadline {
    return this.#deadline
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  /** The reply is complete. */
  finished(isReusable: boolean): void {
    this.#current = undefined
    this.#deadline.clear()
    if (!isReusable || !this.#isUsable) return this.close('not-reusable')
    this.resume()
    this.idleSince = this.#owner.clock.now()
    this.#owner.released(this)
  }

  /** Ends it for a reason of ours. */
  close(reason: CloseReason): void {
    // The first reason is the one: what comes after it is what it set off.
    this.#reason ??= reason
    this.#isUsable = false
    this.#deadline.dispose()
    this.#socket.destroy()
  }

  /** Breaks off the request under way: the target sees a reset. */
  abandon(reason: CloseReason): void {
    this.#current = undefined
    this.#reason ??= reason
    this.#isUsable = false
    this.#deadline.dispose()
    resetSocket(this.#socket)
  }

  /** Hands the socket over to a tunnel: its bytes go to `onBytes` from now on. */
  release(onBytes: OnBytes): void {
    this.#isUsable = false
    this.#onTunnelBytes = onBytes
    this.#deadline.dispose()
  }

  /** Bytes have come. */
  read(bytes: Buffer, length: number): void {
    if (this.#onTunnelBytes !== undefined) return this.#onTunnelBytes(bytes, length)
    const current = this.#current
    if (current === undefined) {
      // Nobody asked: a late second reply, or a farewell such as 408.
      return this.close('not-reusable')
    }
    try {
      const stopped = current.read(bytes, 0, length)
      if (stopped < length && this.#current === undefined) this.close('not-reusable')
    } catch (error) {
      this.#isUsable = false
      if (error instanceof MessageError) current.failed(error, 'malformed')
      // A reader or an observer threw: the target has done nothing wrong.
      else current.failed(error instanceof Error ? error : new Error(String(error)), 'internal')
    }
  }

  #targetEnded(): void {
    this.#isUsable = false
    if (this.#onTunnelBytes !== undefined) return
    const current = this.#current
    if (current === undefined) return this.close('target')
    if (!current.isUntilClose || unsentBytes(this.#socket) > 0) return this.#concluded(current)
    // libuv before 1.52 (Node 22) shows a reset right behind data as an end in order. The kernel knows better: it refuses the next
    // write then, even an empty one, which puts nothing on the wire.
    this.#socket.write(NOTHING, (error) => this.#concluded(current, error ?? undefined))
  }

  #concluded(current: OutgoingRequest, error?: Error): void {
    try {
      if (error === undefined) current.ended()
      else current.lost(error)
    } catch (cause) {
      current.failed(cause instanceof Error ? cause : new Error(String(cause)), 'internal')
    }
  }

  #closed(): void {
    this.#isUsable = false
    this.#deadline.dispose()
    const current = this.#current
    this.#current = undefined
    this.#owner.closed(this, this.#reason ?? (this.#error === undefined ? 'target' : 'error'))
    current?.lost(this.#error)
  }
}
