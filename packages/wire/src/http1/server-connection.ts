/* oxlint-disable max-lines -- one state machine: its parts share every field, and a part of it could not be read alone */
/**
 * One client connection: bytes in, requests out, replies back in order. One request is answered at a time; what a client
 * pipelines behind it waits, unread beyond a bound. All waiting is bounded by one deadline, whose meaning follows from what
 * the connection is doing.
 */
import type { Socket } from 'node:net'
import { Deadline } from '../deadline.ts'
import type { HeaderList } from '../header-list.ts'
import { endSocket } from '../net/end-socket.ts'
import { resetSocket } from '../net/reset-socket.ts'
import { type OnBytes, readShared } from '../net/shared-reads.ts'
import { TextWriter } from '../net/text-writer.ts'
import { unsentBytes } from '../net/unsent-bytes.ts'
import { writeParts } from '../net/write-parts.ts'
import { BodyReader } from './body-reader.ts'
import { asksToPersist, mayBelongToAnother } from './connection-options.ts'
import type { ConnectionOwner } from './connection-owner.ts'
import { HeadReader } from './head-reader.ts'
import { IncomingRequest } from './incoming-request.ts'
import { MessageError } from './message-error.ts'
import { expectsContinue, parseRequestHead } from './request-head.ts'
import { serializeReplyHead } from './serialize.ts'

const MAX_PIPELINED_BYTES = 65_536

export class ServerConnection {
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #writer: TextWriter
  readonly #heads: HeadReader
  readonly #deadline: Deadline
  readonly #openedAt: number
  #current: IncomingRequest | undefined = undefined
  #requests = 0
  /** Of the request under way, while its body is. */
  #body: BodyReader | undefined = undefined
  /** What came behind the current request. */
  #pipelined: Buffer | undefined = undefined
  #isReading = false
  #isPaused = false
  /** Replies wait for the client to read: no other request is begun, or they would pile up. */
  #isFull = false
  /** Nothing more is read as HTTP: the connection is about to go, or has become a tunnel. */
  #isFinished = false
  /** An early reply is out, and what the client still sends is dropped. */
  #isDraining = false
  #drainLeft = 0
  /** What waited for the client when the deadline was armed for it. */
  #unsent = 0
  #bodyDue = Number.POSITIVE_INFINITY
  #earlyReply: (() => void) | undefined = undefined
  #onTunnelBytes: OnBytes | undefined = undefined
  /** Whatever the owner of the server keeps for the connection. */
  attachment: unknown = undefined

  constructor(accepted: Socket, owner: ConnectionOwner) {
    this.#owner = owner
    this.#heads = new HeadReader(owner.options.limits.maxHeadBytes, { skipsEmptyLine: true })
    this.#deadline = new Deadline(owner.clock, () => this.#expired())
    this.#openedAt = owner.clock.now()
    const socket = (this.#socket = readShared(accepted, (bytes, length) => this.#read(bytes, 0, length)))
    this.#writer = new TextWriter(socket)
    socket.on('error', ignore)
    socket.on('end', () => this.#clientEnded())
    socket.on('drain', () => this.#drained())
    socket.on('close', () => this.#closed())
    this.#deadline.arm(owner.options.idleTimeoutMs)
  }

  get socket(): Socket {
    return this.#socket
  }

  get dateLine(): string {
    return this.#owner.dateLine
  }

  /** Whether it has no request under way. */
  get isIdle(): boolean {
    return this.#current === undefined
  }

  /** Whether the connection can serve another request after this one. */
  mayPersist(request: IncomingRequest): boolean {
    const { options, clock, isClosing } = this.#owner
    if (isClosing || this.#isFinished || this.#hasHeardAll) return false
    // One that is answered before it is whole is drained, and then its connection goes.
    if (!request.isComplete) return false
    if (options.maxRequests > 0 && this.#requests >= options.maxRequests) return false
    if (options.maxAgeMs > 0 && clock.now() - this.#openedAt >= options.maxAgeMs) return false
    const { headers, httpVersion } = request.head
    return asksToPersist(headers, httpVersion) && !mayBelongToAnother(headers)
  }

  // Writing.

  writeText(text: string): boolean {
    if (this.#socket.destroyed) return true
    return this.#sent(this.#writer.write(text))
  }

  writeParts(before: string, bytes: Uint8Array, after: string): boolean {
    return this.#socket.destroyed || this.#sent(writeParts(this.#socket, before, bytes, after))
  }

  writeContinue(): void {
    this.writeText('HTTP/1.1 100 Continue\r\n\r\n')
    if (this.#current !== undefined) this.#awaitBody(this.#current)
  }

  /** A head without a body: a 1xx reply. */
  writeHead(status: number, headers: HeaderList): void {
    this.writeText(serializeReplyHead(status, headers, ''))
  }

  /** A reply is out. */
  replied(request: IncomingRequest, keepsConnection: boolean): void {
    if (this.#isFinished && !keepsConnection) return this.#endSoon()
    // Nothing more comes from a client that has ended its side.
    if (!request.isComplete && !this.#socket.readableEnded) return this.#drainRequest(request)
    if (!keepsConnection || !request.isComplete) return this.#endSoon()
    this.#current = undefined
    if (!this.#isFull) this.#deadline.arm(this.#owner.options.idleTimeoutMs)
    // Within a read what is behind this request is still to be looked at.
    if (this.#isReading) this.resumeReading()
    else if (this.#pipelined !== undefined) this.#readPipelined()
    else if (this.#socket.readableEnded) this.#endSoon()
    else this.resumeReading()
  }

  /** Breaks the connection off, so that the client can't take what it has for complete. */
  reset(): void {
    this.#isFinished = true
    resetSocket(this.#socket)
  }

  /** Closes it where it is idle; otherwise it goes after its reply. */
  closeIfIdle(): void {
    if (this.#isFinished || !this.isIdle || this.#heads.isPartial) return
    if (unsentBytes(this.#socket) > 0) this.#endSoon()
    else this.#socket.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** What has come behind the request under way. */
  get pipelined(): Buffer | undefined {
    return this.#pipelined
  }

  /** Hands the socket over to a tunnel: its bytes go to `onBytes` from now on. */
  release(onBytes: OnBytes): void {
    this.#isFinished = true
    this.#onTunnelBytes = onBytes
    this.#current = undefined
    this.#pipelined = undefined
    this.#deadline.dispose()
  }

  // Reading.

  resumeReading(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
    if (this.#current !== undefined) this.#awaitBody(this.#current)
  }

  #pauseReading(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#socket.pause()
  }

  #read(bytes: Buffer, from: number, to: number): void {
    if (this.#onTunnelBytes !== undefined) return this.#onTunnelBytes(bytes, to)
    this.#isReading = true
    try {
      this.#consume(bytes, from, to)
    } catch (error) {
      this.#caught(error)
    }
    this.#isReading = false
    const early = this.#earlyReply
    this.#earlyReply = undefined
    if (early === undefined) return
    try {
      early()
    } catch (error) {
      this.#caught(error)
    }
  }

  /**
   * Runs `send` once what has come is read: a reply that is there at once must not be taken for an early one only because
   * the body behind the head has not been looked at yet.
   */
  whenRead(send: () => void): void {
    if (this.#isReading) this.#earlyReply = send
    else send()
  }

  #consume(bytes: Buffer, from: number, to: number): void {
    let at = from
    while (at < to && !this.#isFinished) {
      const current = this.#current
      if (current !== undefined && !current.isComplete) at = this.#readBody(current, bytes, at, to)
      else if (current !== undefined || this.#isFull) return this.#keepPipelined(bytes, at, to)
      else {
        const isFirstPart = !this.#heads.isPartial
        const behind = this.#heads.read(bytes, at, to)
        if (behind < 0) {
          if (isFirstPart) this.#deadline.arm(this.#owner.options.headTimeoutMs)
          return
        }
        at = behind
        this.#begin()
      }
    }
    // A tunnel that was opened at once gets what came behind the request.
    if (at < to && this.#onTunnelBytes !== undefined) this.#onTunnelBytes(bytes.subarray(at, to), to - at)
  }

  #begin(): void {
    const { limits, requestTimeoutMs = 0 } = this.#owner.options
    const head = parseRequestHead(this.#heads.text, this.#heads.end, limits)
    // An idle connection does not keep its last head.
    this.#heads.text = ''
    const request = new IncomingRequest(this, head, expectsContinue(head))
    this.#current = request
    this.#requests++
    if (head.framing === 0) this.#deadline.clear()
    else {
      this.#body = new BodyReader(head.framing, limits)
      this.#bodyDue = requestTimeoutMs > 0 ? this.#owner.clock.now() + requestTimeoutMs : Number.POSITIVE_INFINITY
      this.#awaitBody(request)
    }
    this.#owner.request(request)
  }

  #readBody(request: IncomingRequest, bytes: Buffer, at: number, to: number): number {
    const body = this.#body!
    this.#awaitBody(request)
    const end = body.read(bytes, at, to, (chunk, from, until) => this.#take(request, chunk, from, until))
    if (body.isDone) {
      this.#body = undefined
      this.#completed(request, body.trailers)
    }
    return end
  }

  #take(request: IncomingRequest, bytes: Buffer, from: number, to: number): void {
    if (this.#isFinished) return
    if (this.#isDraining && (this.#drainLeft -= to - from) < 0) return this.#endSoon()
    if (request.take(bytes, from, to)) return
    this.#pauseReading()
    this.#awaitBody(request)
  }

  /** Arms the deadline for the rest of a body, unless it is somebody else who keeps it waiting. */
  #awaitBody(request: IncomingRequest): void {
    if (this.#isDraining || this.#isFinished) return
    if (this.#isPaused || !request.awaitsBody) return this.#awaitOthers()
    const { bodyIdleTimeoutMs } = this.#owner.options
    if (this.#bodyDue === Number.POSITIVE_INFINITY) return this.#deadline.arm(bodyIdleTimeoutMs)
    const left = Math.max(1, this.#bodyDue - this.#owner.clock.now())
    this.#deadline.arm(bodyIdleTimeoutMs === 0 ? left : Math.min(left, bodyIdleTimeoutMs))
  }

  /** It is not the client that is silent now, unless it has something to read. */
  #awaitOthers(): void {
    if (this.#isFull) this.#deadline.arm(this.#owner.options.sendTimeoutMs)
    else this.#deadline.clear()
  }

  #completed(request: IncomingRequest, trailers: HeaderList | undefined): void {
    if (this.#isFinished) return
    this.#awaitOthers()
    request.complete(trailers)
    // Or nobody would notice that the client leaves.
    if (this.#pipelined === undefined) this.resumeReading()
    if (this.#isDraining) this.#endSoon()
  }

  #keepPipelined(bytes: Buffer, from: number, to: number): void {
    const rest = Buffer.from(bytes.subarray(from, to))
    this.#pipelined = this.#pipelined === undefined ? rest : Buffer.concat([this.#pipelined, rest])
    if (this.#pipelined.byteLength >= MAX_PIPELINED_BYTES) this.#pauseReading()
  }

  #readPipelined(): void {
    // A reply that is there at once must not recurse into the next: each turn takes what is there.
    while (this.#pipelined !== undefined && this.#current === undefined && !this.#isFull && !this.#isFinished) {
      const bytes: Buffer = this.#pipelined
      this.#pipelined = undefined
      // First: what is read now may ask to pause.
      this.resumeReading()
      this.#read(bytes, 0, bytes.byteLength)
    }
    if (this.#current === undefined && this.#hasHeardAll) this.#endSoon()
  }

  // Ending.

  /** An early reply is out and the client still sends: it is read for a while, or it would lose the reply to a reset. */
  #drainRequest(request: IncomingRequest): void {
    const { drainBytes, drainMs } = this.#owner.options
    this.#isDraining = true
    this.#drainLeft = drainBytes
    request.ignoreUnread()
    endSocket(this.#socket)
    this.#deadline.arm(drainMs)
    this.resumeReading()
  }

  /** Whether the client has ended its side, and all it has sent was looked at. */
  get #hasHeardAll(): boolean {
    return this.#socket.readableEnded && this.#pipelined === undefined && !this.#isReading
  }

  #endSoon(): void {
    const socket = this.#socket
    if (socket.destroyed || (this.#isFinished && socket.writableEnded)) return
    const { drainMs } = this.#owner.options
    const current = this.#current
    this.#isFinished = true
    this.#isDraining = false
    this.#current = undefined
    // Taking an error's stack is not free: only where somebody gets it.
    if (current?.isComplete === false) current.breakOff(new Error('the rest of the body was not waited for'))
    // The client's FIN closes it; one that never comes does not keep it. But what it is still reading is not cut off.
    if (unsentBytes(socket) === 0) this.#deadline.arm(drainMs)
    else {
      this.#awaitReading()
      socket.once('finish', () => this.#deadline.arm(drainMs))
    }
    endSocket(socket)
    this.resumeReading()
  }

  #refuse(fault: MessageError | 'timeout'): void {
    const current = this.#current
    if (this.#isDraining) return this.#endSoon()
    this.#isFinished = true
    this.#deadline.clear()
    if (current !== undefined) {
      // Its own reply says what was wrong with its body; a reply that was begun can't be taken back.
      const error = fault === 'timeout' ? new MessageError('timeout', 'the body did not arrive in time') : fault
      if (current.hasReply) return this.reset()
      return current.breakOff(error)
    }
    this.writeText(this.#owner.refusal(fault))
    this.#endSoon()
  }

  #caught(error: unknown): void {
    if (!(error instanceof MessageError)) return this.#fail(error)
    try {
      this.#refuse(error)
    } catch (cause) {
      this.#fail(cause)
    }
  }

  /** What a callback of the owner's threw says nothing about the client; but nobody knows what it has left undone. */
  #fail(error: unknown): void {
    const current = this.#current
    this.reset()
    this.#owner.failed(error, current)
  }

  #expired(): void {
    const socket = this.#socket
    const unsent = unsentBytes(socket)
    if (unsent > 0 && unsent !== this.#unsent) return this.#awaitReading()
    if (unsent > 0 && (this.#isFinished || socket.writableNeedDrain)) return this.reset()
    if (this.#isFinished || this.#isDraining) return void socket.destroy()
    if (this.#heads.isPartial || this.#current?.awaitsBody === true) return this.#refuse('timeout')
    if (this.#current !== undefined) return
    if (unsent > 0) this.reset()
    else socket.destroy()
  }

  #sent(hasRoom: boolean): boolean {
    if (hasRoom) return true
    this.#isFull = true
    this.#awaitReading()
    return false
  }

  #awaitReading(): void {
    this.#unsent = unsentBytes(this.#socket)
    this.#deadline.arm(this.#owner.options.sendTimeoutMs)
  }

  #drained(): void {
    const current = this.#current
    this.#isFull = false
    if (current === undefined) {
      if (this.#isFinished) return
      this.#deadline.arm(this.#owner.options.idleTimeoutMs)
      return this.#readPipelined()
    }
    if (this.#isFinished) this.#deadline.clear()
    else this.#awaitBody(current)
    try {
      current.drained()
    } catch (error) {
      this.#fail(error)
    }
  }

  #clientEnded(): void {
    if (this.#onTunnelBytes !== undefined) return
    const current = this.#current
    // What waits until its replies have room is answered still, where that is allowed.
    if (this.#owner.options.allowHalfOpen && current === undefined && this.#pipelined !== undefined) return
    if (current === undefined || this.#isDraining) return this.#endSoon()
    // Most clients that end their side have left; for the others there is the option.
    if (!this.#owner.options.allowHalfOpen) return void this.#socket.destroy()
    if (!current.isComplete)
      current.breakOff(new MessageError('malformed', 'the client ended the connection within the body'))
  }

  #closed(): void {
    this.#isFinished = true
    this.#deadline.dispose()
    const current = this.#current
    this.#current = undefined
    try {
      current?.abort(new Error('the client closed the connection'))
    } catch (error) {
      this.#owner.failed(error, current)
    }
    this.#owner.closed(this)
  }
}

function ignore(): void {}
