/**
 * One client connection: bytes in, requests out, replies back in order. One request is answered at a time; what a client
 * pipelines behind it waits, unread beyond a bound. All waiting is bounded by one deadline, whose meaning follows from what
 * the connection is doing.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import type { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'
import { resetSocket } from '../net/reset-socket.ts'
import { type OnBytes, readShared } from '../net/shared-reads.ts'
import { ChunkedDecoder } from './chunked-decoder.ts'
import { hasOption } from './connection-options.ts'
import { CHUNKED } from './framing.ts'
import { HeadReader } from './head-reader.ts'
import { IncomingRequest } from './incoming-request.ts'
import type { MessageLimits } from './limits.ts'
import { MessageError } from './message-error.ts'
import { parseRequestHead } from './request-head.ts'
import { serializeReplyHead } from './serialize.ts'

/** Options of a connection; all durations in milliseconds, 0 for none. */
export interface ConnectionOptions {
  readonly limits: MessageLimits
  /** From the first byte of a head to its last. @default 60_000 */
  readonly headTimeoutMs: number
  /** Longest silence within a request body. @default 60_000 */
  readonly bodyIdleTimeoutMs: number
  /** Longest time a client may take to read what waits for it. @default 60_000 */
  readonly sendTimeoutMs: number
  /** How long a connection without a request is kept, also before the first. @default 65_000 */
  readonly idleTimeoutMs: number
  /** After so many requests the connection is closed. 0 for no limit. @default 0 */
  readonly maxRequests: number
  /** After this time the connection is closed once it is idle. 0 for no limit. @default 0 */
  readonly maxAgeMs: number
  /** What a client may still send after an early reply, and for how long, before it is cut off. */
  readonly drainBytes: number
  readonly drainMs: number
}

/** What a server does with its connections. */
export interface ConnectionOwner {
  readonly clock: Clock
  readonly options: ConnectionOptions
  readonly dateLine: string
  /** Whether connections are closed after their current reply. */
  readonly isClosing: boolean
  request(request: IncomingRequest): void
  /** The reply to what never became a request, as bytes of a whole message. */
  refusal(fault: MessageError | 'timeout'): string
  closed(connection: ServerConnection): void
}

const PERSISTENCE = maskOf('connection')
const EXPECT = maskOf('expect')
const MAX_PIPELINED_BYTES = 65_536

export class ServerConnection {
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #heads: HeadReader
  readonly #deadline: Deadline
  readonly #openedAt: number
  #current: IncomingRequest | undefined = undefined
  #requests = 0
  /** Bytes of the body that are still to come, or CHUNKED. */
  #left = 0
  #decoder: ChunkedDecoder | undefined = undefined
  /** What came behind the current request. */
  #pipelined: Buffer | undefined = undefined
  #isReading = false
  #isPaused = false
  /** Nothing more is read as HTTP: the connection is about to go, or has become a tunnel. */
  #isFinished = false
  #drainBytes = 0
  #keepsAfterDrain = false
  #onTunnelBytes: OnBytes | undefined = undefined
  /** Whatever the owner of the server keeps for the connection. */
  attachment: unknown = undefined

  constructor(accepted: Socket, owner: ConnectionOwner) {
    this.#owner = owner
    this.#heads = new HeadReader(owner.options.limits.maxHeadBytes)
    this.#deadline = new Deadline(owner.clock, () => this.#expired())
    this.#openedAt = owner.clock.now()
    const socket = (this.#socket = readShared(accepted, (bytes, length) => this.#read(bytes, 0, length)))
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
    if (isClosing || this.#isFinished || this.#socket.readableEnded) return false
    if (request.owesContinue) return false
    if (options.maxRequests > 0 && this.#requests >= options.maxRequests) return false
    if (options.maxAgeMs > 0 && clock.now() - this.#openedAt >= options.maxAgeMs) return false
    const { headers, httpVersion } = request.head
    if (!headers.hasAny(PERSISTENCE)) return httpVersion === '1.1'
    const wishes = headers.get('connection')!.toLowerCase()
    if (hasOption(wishes, 'close')) return false
    return httpVersion === '1.1' || hasOption(wishes, 'keep-alive')
  }

  // Writing.

  writeText(text: string): boolean {
    if (this.#socket.destroyed) return true
    return this.#sent(this.#socket.write(text, 'latin1'))
  }

  writeParts(before: string, bytes: Uint8Array, after: string): boolean {
    const socket = this.#socket
    if (socket.destroyed) return true
    if (before === '' && after === '') return this.#sent(socket.write(bytes))
    socket.cork()
    if (before !== '') socket.write(before, 'latin1')
    let hasRoom = socket.write(bytes)
    if (after !== '') hasRoom = socket.write(after, 'latin1')
    socket.uncork()
    return this.#sent(hasRoom)
  }

  writeContinue(): void {
    this.writeText('HTTP/1.1 100 Continue\r\n\r\n')
  }

  /** A head without a body: a 1xx reply. */
  writeHead(status: number, headers: HeaderList): void {
    this.writeText(serializeReplyHead(status, headers, ''))
  }

  /** A reply is out. */
  replied(request: IncomingRequest, keepsConnection: boolean): void {
    if (this.#isFinished && !keepsConnection) return this.#endSoon()
    if (!request.isComplete) return this.#drainRequest(keepsConnection)
    if (!keepsConnection) return this.#endSoon()
    this.#current = undefined
    this.#deadline.arm(this.#owner.options.idleTimeoutMs)
    if (this.#pipelined !== undefined && !this.#isReading) this.#readPipelined()
    else if (this.#pipelined === undefined) this.resumeReading()
  }

  /** Breaks the connection off, so that the client can't take what it has for complete. */
  reset(): void {
    this.#isFinished = true
    resetSocket(this.#socket)
  }

  /** Closes it where it is idle; otherwise it goes after its reply. */
  closeIfIdle(): void {
    if (this.isIdle && !this.#heads.isPartial) this.#socket.destroy()
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
    this.#deadline.dispose()
  }

  // Reading.

  resumeReading(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
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
      this.#refuse(error instanceof MessageError ? error : new MessageError('malformed', String(error)))
    }
    this.#isReading = false
  }

  #consume(bytes: Buffer, from: number, to: number): void {
    let at = from
    while (at < to && !this.#isFinished) {
      const current = this.#current
      if (current !== undefined && !current.isComplete) at = this.#readBody(current, bytes, at, to)
      else if (current !== undefined) return this.#keepPipelined(bytes, at, to)
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
  }

  #begin(): void {
    const { limits, bodyIdleTimeoutMs } = this.#owner.options
    const head = parseRequestHead(this.#heads.text, this.#heads.end, limits)
    const expectsContinue =
      head.framing !== 0 &&
      head.httpVersion === '1.1' &&
      head.headers.hasAny(EXPECT) &&
      head.headers.get('expect')!.toLowerCase() === '100-continue'
    const request = new IncomingRequest(this, head, expectsContinue)
    this.#current = request
    this.#requests++
    this.#left = head.framing
    if (head.framing === CHUNKED) this.#decoder = new ChunkedDecoder(limits)
    if (head.framing === 0) this.#deadline.clear()
    else this.#deadline.arm(bodyIdleTimeoutMs)
    this.#owner.request(request)
  }

  #readBody(request: IncomingRequest, bytes: Buffer, at: number, to: number): number {
    this.#deadline.arm(this.#owner.options.bodyIdleTimeoutMs)
    if (this.#left === CHUNKED) return this.#readChunks(request, this.#decoder!, bytes, at, to)
    const end = Math.min(to, at + this.#left)
    this.#left -= end - at
    this.#take(request, bytes, at, end)
    if (this.#left === 0) this.#completed(request, undefined)
    return end
  }

  #readChunks(request: IncomingRequest, decoder: ChunkedDecoder, bytes: Buffer, at: number, to: number): number {
    const end = decoder.decode(bytes, at, to, (chunk, from, until) => this.#take(request, chunk, from, until))
    if (decoder.isDone) {
      this.#decoder = undefined
      this.#completed(request, decoder.trailers)
    }
    return end
  }

  #take(request: IncomingRequest, bytes: Buffer, from: number, to: number): void {
    if (this.#drainBytes > 0 && (this.#drainBytes -= to - from) <= 0) return this.#endSoon()
    if (!request.take(bytes, from, to)) this.#pauseReading()
  }

  #completed(request: IncomingRequest, trailers: HeaderList | undefined): void {
    this.#deadline.clear()
    request.complete(trailers)
    if (this.#drainBytes > 0) {
      this.#drainBytes = 0
      this.replied(request, this.#keepsAfterDrain)
    }
  }

  #keepPipelined(bytes: Buffer, from: number, to: number): void {
    const rest = Buffer.from(bytes.subarray(from, to))
    this.#pipelined = this.#pipelined === undefined ? rest : Buffer.concat([this.#pipelined, rest])
    if (this.#pipelined.byteLength >= MAX_PIPELINED_BYTES) this.#pauseReading()
  }

  #readPipelined(): void {
    // A reply that is there at once must not recurse into the next: each turn takes what is there.
    while (this.#pipelined !== undefined && this.#current === undefined && !this.#isFinished) {
      const bytes: Buffer = this.#pipelined
      this.#pipelined = undefined
      this.#read(bytes, 0, bytes.byteLength)
    }
    if (this.#pipelined === undefined) this.resumeReading()
  }

  // Ending.

  /** An early reply is out and the client still sends: it is read for a while, or it would lose the reply to a reset. */
  #drainRequest(keepsConnection: boolean): void {
    const { drainBytes, drainMs } = this.#owner.options
    this.#keepsAfterDrain = keepsConnection
    this.#drainBytes = drainBytes
    this.#deadline.arm(drainMs)
    this.resumeReading()
  }

  #endSoon(): void {
    if (this.#socket.destroyed) return
    this.#isFinished = true
    this.#current = undefined
    this.#socket.end()
    // The client's FIN closes it; one that never comes does not keep it.
    this.#deadline.arm(this.#owner.options.drainMs)
    this.resumeReading()
  }

  #refuse(fault: MessageError | 'timeout'): void {
    const current = this.#current
    this.#isFinished = true
    if (current !== undefined) {
      // Its own reply says what was wrong with its body; a reply that was begun can't be taken back.
      const error = fault === 'timeout' ? new MessageError('malformed', 'the body did not arrive in time') : fault
      if (current.hasReply) return this.reset()
      if (!current.isComplete) return current.breakOff(error)
    }
    this.writeText(this.#owner.refusal(fault))
    this.#endSoon()
  }

  #expired(): void {
    if (this.#isFinished || this.#drainBytes > 0) return void this.#socket.destroy()
    if (this.#socket.writableNeedDrain) return this.reset()
    if (this.#heads.isPartial || (this.#current !== undefined && !this.#current.isComplete))
      return this.#refuse('timeout')
    if (this.#current === undefined) this.#socket.destroy()
  }

  #sent(hasRoom: boolean): boolean {
    if (!hasRoom) this.#deadline.arm(this.#owner.options.sendTimeoutMs)
    return hasRoom
  }

  #drained(): void {
    this.#deadline.clear()
    this.#current?.drained()
  }

  #clientEnded(): void {
    // No more requests. One whose body is not there yet is broken; one that is complete still gets its reply.
    if (this.#onTunnelBytes !== undefined) return
    const current = this.#current
    if (current === undefined) return void this.#socket.end()
    if (!current.isComplete)
      current.breakOff(new MessageError('malformed', 'the client ended the connection within the body'))
  }

  #closed(): void {
    this.#isFinished = true
    this.#deadline.dispose()
    const current = this.#current
    this.#current = undefined
    current?.abort(new Error('the client closed the connection'))
    this.#owner.closed(this)
  }
}

function ignore(): void {}
