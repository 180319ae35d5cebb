/**
 * One HTTP/2 connection of a client (RFC 9113): frames in, requests out, replies back. All that is written in one turn of the event loop
 * leaves in one piece, at its end. A turn begins no more than a few requests of one connection, and only when all that was read with
 * them is known: what a client takes back in the same breath never begins. What it does too often ends the connection with GOAWAY,
 * in the frame that is one too many.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { OtherConnection } from '../http1/http-server.ts'
import { readShared } from '../net/shared-reads.ts'
import { AbuseCounter, type AbuseOwner, type Http2Abuse } from './abuse.ts'
import { ConnectionEnding, type EndingConnection } from './connection-ending.ts'
import { ConnectionTimes, type TimedConnection } from './connection-times.ts'
import { ConnectionWriter } from './connection-writer.ts'
import { FrameRouter, type RouterOwner } from './frame-router.ts'
import { DEFAULT_WINDOW_BYTES, INTERNAL_ERROR, NO_ERROR } from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'
import type { Http2ConnectionOptions, Http2Owner } from './http2-owner.ts'
import { Http2Stream } from './http2-stream.ts'
import { OpenStreams, type StreamsOwner } from './open-streams.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { Http2RequestHead, RequestFields } from './request-fields.ts'
import { type OpenerOwner, StreamOpener } from './stream-opener.ts'
import { atTurnEnd, type TurnTask } from './turn-end.ts'

type Readers = RouterOwner & OpenerOwner & StreamsOwner & AbuseOwner
type Owners = OtherConnection & Readers & TimedConnection & EndingConnection & TurnTask

export class Http2ServerConnection implements Owners {
  readonly writer: ConnectionWriter
  /** What the client does too often. */
  readonly abuse: AbuseCounter
  readonly times: ConnectionTimes
  readonly ending: ConnectionEnding = new ConnectionEnding(this)
  /** Whatever the owner keeps for the connection. */
  attachment: unknown = undefined
  readonly #owner: Http2Owner
  readonly #socket: Socket
  readonly #router: FrameRouter
  readonly #streams: OpenStreams
  readonly #opener: StreamOpener
  #isQueued = false
  #isPaused = false
  /** The socket is gone. */
  #isGone = false

  /** `accepted` is paused; all that has come was put back. It belongs to the connection from here on. */
  constructor(accepted: Socket, owner: Http2Owner) {
    const { clock, options } = owner
    this.#owner = owner
    this.abuse = new AbuseCounter(clock, options, this)
    this.#streams = new OpenStreams(this)
    this.#opener = new StreamOpener(this.#streams, this)
    this.#router = new FrameRouter(this)
    const socket = (this.#socket = readShared(accepted, (bytes, length) => this.#read(bytes, length)))
    this.writer = new ConnectionWriter(socket, owner, () => this.wake())
    this.times = new ConnectionTimes(this)
    socket.on('error', ignore)
    // Whoever has ended its side has left: a client of HTTP/2 has no other way to say anything.
    socket.on('end', () => socket.destroy())
    socket.on('drain', () => this.writer.drained())
    socket.on('close', () => this.#closed())
    this.writer.greet(options)
  }

  get socket(): Socket {
    return this.#socket
  }

  get clock(): Clock {
    return this.#owner.clock
  }

  get options(): Http2ConnectionOptions {
    return this.#owner.options
  }

  get isIdle(): boolean {
    return this.#streams.size === 0
  }

  get bytesWritten(): number {
    return this.writer.output.bytes
  }

  /** Nothing more is read as HTTP. */
  get isOver(): boolean {
    return this.ending.isOver
  }

  get lastStream(): number {
    return this.#opener.last
  }

  get unsent(): number {
    return this.writer.output.unsent
  }

  /** Of the body of a new stream. The client may not have heard of our window yet. */
  newWindow(): ReceiveWindow {
    return new ReceiveWindow(this.options.streamWindowBytes, this.#firstWindowBytes)
  }

  get #firstWindowBytes(): number {
    const { streamWindowBytes } = this.options
    return this.#router.knowsSettings ? streamWindowBytes : Math.max(streamWindowBytes, DEFAULT_WINDOW_BYTES)
  }

  // Ending.

  closeIfIdle(): void {
    this.ending.retireOrEnd()
  }

  destroy(): void {
    this.ending.endNow()
  }

  retire(): void {
    this.ending.retire()
  }

  ended(): void {
    this.#resume()
    this.#abandonSome()
  }

  refuse(abuse: Http2Abuse): void {
    if (this.isOver) return
    this.#owner.refused(this, abuse)
    this.ending.endCalmly()
  }

  #closed(): void {
    this.ending.isOver = true
    this.#isGone = true
    this.times.dispose()
    this.#abandonSome()
  }

  #abandonSome(): void {
    if (!this.#streams.abandonSome() || !this.#isGone) return
    this.#isGone = false
    this.#owner.closed(this)
  }

  #caught(error: unknown): void {
    if (error instanceof Http2Fault) return this.ending.end(error.http2Code)
    this.#owner.failed(error, undefined)
    this.ending.end(INTERNAL_ERROR)
  }

  /** What a callback of the owner's threw says nothing about the client; but nobody knows what it has left undone. */
  failed(error: unknown, stream: Http2Stream): void {
    try {
      stream.reset(INTERNAL_ERROR)
    } catch {
      // It has said so once.
    }
    this.#owner.failed(error, stream)
  }

  // Reading.

  #read(bytes: Buffer, length: number): void {
    if (this.isOver) return this.ending.tookBehind(length)
    try {
      this.#router.read(bytes, length)
      this.#beginWaiting()
    } catch (error) {
      this.#caught(error)
    }
    this.#router.pause()
    if (!this.#router.isTired) return
    this.#pause()
    this.wake()
  }

  fields(id: number, endsStream: boolean, fields: RequestFields, bytes: number): void {
    // Ended by the padding of the same frame.
    if (!this.isOver) this.#opener.fields(id, endsStream, fields, bytes)
  }

  open(id: number, head: Http2RequestHead, endsStream: boolean): void {
    if (this.isIdle) this.times.watch()
    this.#streams.add(new Http2Stream(this, id, head, endsStream))
  }

  #beginWaiting(): void {
    if (!this.isOver && !this.writer.isUnread) this.#streams.beginWaiting()
  }

  begin(stream: Http2Stream): void {
    const { maxRequests } = this.options
    try {
      this.#owner.request(stream)
    } catch (error) {
      this.failed(error, stream)
    }
    if (maxRequests > 0 && this.#streams.begun >= maxRequests) this.ending.retire()
  }

  streamOf(id: number): Http2Stream | undefined {
    return this.#opener.streamOf(id)
  }

  stray(id: number): void {
    this.#opener.stray(id)
  }

  /** Bytes of bodies were taken. */
  took(bytes: number): void {
    this.#router.data.took(bytes)
  }

  openWindow(bytes: number): void {
    this.writer.openWindow(0, bytes)
  }

  widenAll(bytes: number): boolean {
    return this.#streams.widen(bytes)
  }

  // Called by streams.

  /** The reply of this stream is out, and its client still sends. */
  linger(stream: Http2Stream): void {
    this.#streams.linger(stream)
  }

  /** A stream is gone. */
  forget(stream: Http2Stream): void {
    this.#streams.delete(stream)
    // What the client has sent in the meantime is no fault of its.
    if (!stream.isRemoteEnded) {
      this.abuse.expectStray(this.#firstWindowBytes)
      this.#opener.cut(stream.id)
    }
    if (!this.isIdle) return
    this.times.idle()
    if (this.ending.isClosed) this.wake()
  }

  checkStreams(now: number): void {
    this.#streams.check(now)
  }

  // Turns.

  wake(): void {
    if (this.#isQueued) return
    this.#isQueued = true
    atTurnEnd(this)
  }

  turnEnded(): void {
    this.#isQueued = false
    if (this.isOver) return this.#abandonSome()
    this.#router.rest()
    try {
      this.#streams.turn()
      this.#beginWaiting()
      this.writer.flush()
    } catch (error) {
      this.#caught(error)
    }
    if (this.isOver) return
    if (this.ending.isClosed && this.isIdle) return this.ending.end(NO_ERROR)
    if (this.writer.isUnread) this.#pause()
    else this.#resume()
  }

  #pause(): void {
    if (this.#isPaused || this.isOver) return
    this.#isPaused = true
    this.#socket.pause()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }
}

function ignore(): void {}
