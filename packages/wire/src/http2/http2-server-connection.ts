/* oxlint-disable max-lines -- one state machine: its parts share every field, and a part of it could not be read alone */
/**
 * One HTTP/2 connection of a client (RFC 9113): frames in, requests out, replies back. All that is written in one turn of the event loop
 * leaves in one piece, at its end. A turn begins no more than a few requests of one connection, and only when all that was read with
 * them is known: what a client takes back in the same breath never begins. What it does too often ends the connection with GOAWAY,
 * in the frame that is one too many.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { OtherConnection } from '../http1/http-server.ts'
import { latin1Slice } from '../http1/latin1.ts'
import { readShared } from '../net/shared-reads.ts'
import { AbuseCounter, type Http2Abuse } from './abuse.ts'
import { ConnectionTimes, type TimedConnection } from './connection-times.ts'
import { ConnectionWriter } from './connection-writer.ts'
import { type DataOwner, DataReceiver } from './data-receiver.ts'
import { type FrameOwner, FrameReader } from './frame-reader.ts'
import {
  ACK,
  CANCEL,
  CONTINUATION,
  DATA,
  DEFAULT_WINDOW_BYTES,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  FRAME_HEAD_BYTES,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HEADERS,
  INTERNAL_ERROR,
  LARGEST_STREAM_ID,
  LARGEST_WINDOW_BYTES,
  NO_ERROR,
  NO_FLAGS,
  PING,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  REFUSED_STREAM,
  RST_STREAM,
  SETTINGS,
  STREAM_CLOSED,
  WINDOW_UPDATE,
} from './frame-types.ts'
import { type HeadOwner, HeadReceiver } from './head-receiver.ts'
import { Http2Fault } from './http2-fault.ts'
import type { Http2ConnectionOptions, Http2Owner } from './http2-owner.ts'
import { Http2Stream } from './http2-stream.ts'
import { OpenStreams, type StreamsOwner } from './open-streams.ts'
import type { RequestFields } from './request-fields.ts'
import { atTurnEnd, type TurnTask } from './turn-end.ts'

/** Frames of one connection that are looked at in one turn, or heads of as much work. */
const WORK_PER_TURN = 1_000
/** So many bytes of a head are as much work as a frame. */
const WORK_BYTES = 64
/** What is read of one that has ended, so that it gets to what was said last. */
const PARTING_BYTES = 1_048_576
/** Of the PING by which we learn that the client knows that we go. */
const RETIRING = 'retiring'

type Owners = OtherConnection & FrameOwner & HeadOwner & DataOwner & StreamsOwner & TimedConnection & TurnTask

export class Http2ServerConnection implements Owners {
  readonly writer: ConnectionWriter
  /** Whatever the owner keeps for the connection. */
  attachment: unknown = undefined
  /** Nothing more is read as HTTP. */
  isOver = false
  readonly #owner: Http2Owner
  readonly #socket: Socket
  readonly #frames: FrameReader
  readonly #heads: HeadReceiver
  readonly #data: DataReceiver
  readonly #abuse: AbuseCounter
  readonly #times: ConnectionTimes
  readonly #streams: OpenStreams
  /** The last one that was taken, and the last one that was heard of. */
  #lastStream = 0
  #highestStream = 0
  #work = 0
  #isQueued = false
  #isPaused = false
  #hasSettings = false
  #isAcknowledged = false
  /** What is new is not taken any more. */
  #isClosed = false
  #partingBytes = 0
  /** The socket is gone. */
  #isGone = false

  /** `accepted` is paused; all that has come was put back. It belongs to the connection from here on. */
  constructor(accepted: Socket, owner: Http2Owner) {
    const { clock, options } = owner
    this.#owner = owner
    this.#frames = new FrameReader(this)
    this.#heads = new HeadReceiver(options, this)
    this.#data = new DataReceiver(options.connectionWindowBytes, this)
    this.#abuse = new AbuseCounter(clock, options)
    this.#streams = new OpenStreams(this)
    const socket = (this.#socket = readShared(accepted, (bytes, length) => this.#read(bytes, length)))
    this.writer = new ConnectionWriter(socket, owner, () => this.wake())
    this.#times = new ConnectionTimes(this)
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

  get unsent(): number {
    return this.writer.output.unsent
  }

  /** What a client may send of the body of a new stream. It may not have heard of ours yet. */
  get streamWindowBytes(): number {
    const { streamWindowBytes } = this.options
    return this.#isAcknowledged ? streamWindowBytes : Math.max(streamWindowBytes, DEFAULT_WINDOW_BYTES)
  }

  // Ending.

  closeIfIdle(): void {
    if (this.isIdle) this.#end(NO_ERROR)
    else this.retire()
  }

  destroy(): void {
    this.#end(NO_ERROR)
    // A turn later, by which what was said last has left.
    setImmediate(() => this.#socket.destroy())
  }

  /** First tells the client to send nothing new; what has crossed that on its way is still served (RFC 9113, section 6.8). */
  retire(): void {
    if (this.#times.isRetired || this.isOver) return
    this.writer.goAway(LARGEST_STREAM_ID, NO_ERROR)
    // Its answer comes behind everything that it sent before it knew.
    this.writer.ping(NO_FLAGS, RETIRING)
    this.#times.retired()
  }

  /** Takes nothing new; goes when nothing is under way. */
  closeGracefully(): void {
    if (this.#isClosed || this.isOver) return
    this.#isClosed = true
    if (this.isIdle) this.#end(NO_ERROR)
    else this.writer.goAway(this.#lastStream, NO_ERROR)
  }

  endIdle(): void {
    this.#end(NO_ERROR)
  }

  endStalled(): void {
    this.#end(ENHANCE_YOUR_CALM)
  }

  drop(): void {
    this.#socket.destroy()
  }

  /** The last words; whatever is under way is broken off. */
  #end(code: number): void {
    if (this.isOver) return
    this.isOver = true
    this.writer.goAway(this.#lastStream, code)
    this.writer.output.flush()
    this.#socket.end()
    this.#times.ended(code !== NO_ERROR)
    this.#resume()
    this.#abandonSome()
  }

  #refuse(abuse: Http2Abuse | undefined): void {
    if (abuse === undefined || this.isOver) return
    this.#owner.refused(this, abuse)
    this.#end(ENHANCE_YOUR_CALM)
  }

  #closed(): void {
    this.isOver = true
    this.#isGone = true
    this.#times.dispose()
    this.#abandonSome()
  }

  #abandonSome(): void {
    if (!this.#streams.abandonSome() || !this.#isGone) return
    this.#isGone = false
    this.#owner.closed(this)
  }

  #caught(error: unknown): void {
    if (error instanceof Http2Fault) return this.#end(error.http2Code)
    this.#owner.failed(error, undefined)
    this.#end(INTERNAL_ERROR)
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
    if (this.isOver) {
      // Unread, it would cost the client what was said last.
      if ((this.#partingBytes += length) > PARTING_BYTES) this.drop()
      return
    }
    try {
      this.#frames.read(bytes, length)
      this.#beginWaiting()
    } catch (error) {
      this.#caught(error)
    }
    if (!this.#heads.isPartial) {
      if (this.#frames.isPartial) this.#times.partial(this.#frames.frames)
      else this.#times.whole()
    }
    if (this.#work < WORK_PER_TURN) return
    this.#pause()
    this.wake()
  }

  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    this.#work++
    if (!this.#hasSettings) {
      if (type !== SETTINGS || (flags & ACK) !== 0) throw new Http2Fault(PROTOCOL_ERROR, 'SETTINGS come first')
      this.#hasSettings = true
    }
    this.#heads.check(type, stream)
    switch (type) {
      case HEADERS:
      case CONTINUATION:
        return this.#takeHead(type, flags, stream, bytes, from, to)
      case DATA:
        return this.#data.padded(flags, stream, bytes, from, to)
      case RST_STREAM:
        return this.#takeReset(stream)
      case SETTINGS:
        return this.#takeSettings(flags, bytes, from, to)
      case PING:
        return this.#takePing(flags, bytes, from, to)
      case WINDOW_UPDATE:
        return this.#takeWindowUpdate(stream, bytes.readUInt32BE(from) & LARGEST_WINDOW_BYTES)
      case GOAWAY:
        return this.closeGracefully()
      case PUSH_PROMISE:
        throw new Http2Fault(PROTOCOL_ERROR, 'a client promises nothing')
      default:
        // PRIORITY, which nobody heeds any more, and what is not known (RFC 9113, sections 5.3 and 5.5).
        this.countOverhead(FRAME_HEAD_BYTES + to - from)
    }
  }

  // Heads.

  #takeHead(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    const wasPartial = this.#heads.isPartial
    this.#heads.take(type, flags, stream, bytes, from, to)
    if (!this.#heads.isPartial) this.#times.whole()
    else if (!wasPartial) this.#times.partial(this.#frames.frames)
  }

  fields(id: number, endsStream: boolean, fields: RequestFields, bytes: number): void {
    this.#work += (bytes / WORK_BYTES) | 0
    const stream = this.#streams.get(id)
    if (stream !== undefined) return this.#takeTrailers(stream, endsStream, fields)
    if ((id & 1) === 0) throw new Http2Fault(PROTOCOL_ERROR, 'a client has odd streams')
    // Behind a reset that it has not heard of yet, or a GOAWAY.
    if (id <= this.#highestStream || this.#isClosed) {
      this.#highestStream = Math.max(id, this.#highestStream)
      return this.countOverhead(FRAME_HEAD_BYTES + bytes)
    }
    this.#highestStream = this.#lastStream = id
    this.#open(id, endsStream, fields)
  }

  #open(id: number, endsStream: boolean, fields: RequestFields): void {
    const { writer } = this
    const { maxConcurrentStreams, maxQueuedBytes } = this.options
    if (fields.isFull) {
      writer.reset(id, ENHANCE_YOUR_CALM)
      return this.#refuse(this.#abuse.bomb(writer.output.bytes))
    }
    const head = fields.head(endsStream)
    const isCrowded = this.#streams.size >= maxConcurrentStreams || writer.scheduler.queuedBytes > maxQueuedBytes
    // Who asks for a tunnel and ends it in one breath has left.
    const isEnded = endsStream && head?.protocol !== undefined
    if (head === undefined || isCrowded || isEnded) {
      writer.reset(id, head === undefined ? PROTOCOL_ERROR : isEnded ? CANCEL : REFUSED_STREAM)
      return this.provokedReset()
    }
    if (this.isIdle) this.#times.watch()
    this.#streams.add(new Http2Stream(this, id, head, endsStream))
  }

  #takeTrailers(stream: Http2Stream, endsStream: boolean, fields: RequestFields): void {
    const trailers = fields.isFull ? undefined : fields.trailers()
    if (stream.isRemoteEnded || !endsStream || trailers === undefined) {
      stream.reset(stream.isRemoteEnded ? STREAM_CLOSED : PROTOCOL_ERROR)
      return this.provokedReset()
    }
    try {
      stream.receiveEnd(trailers)
    } catch (error) {
      this.failed(error, stream)
    }
  }

  #beginWaiting(): void {
    if (!this.writer.isUnread) this.#streams.beginWaiting()
  }

  begin(stream: Http2Stream): void {
    const { maxRequests } = this.options
    try {
      this.#owner.request(stream)
    } catch (error) {
      this.failed(error, stream)
    }
    if (maxRequests > 0 && this.#streams.begun >= maxRequests) this.retire()
  }

  // Bodies.

  data(flags: number, id: number, length: number): void {
    this.#work++
    if (!this.#hasSettings) throw new Http2Fault(PROTOCOL_ERROR, 'SETTINGS come first')
    this.#heads.check(DATA, id)
    this.#data.begin(flags, id, length)
  }

  dataBytes(bytes: Buffer, from: number, to: number): void {
    this.#data.bytes(bytes, from, to)
  }

  dataEnd(): void {
    this.#data.end()
  }

  streamOf(id: number): Http2Stream | undefined {
    const stream = this.#streams.get(id)
    if (stream === undefined && id > this.#highestStream)
      throw new Http2Fault(PROTOCOL_ERROR, 'a frame of a stream that nobody has opened')
    return stream
  }

  /** Bytes of bodies were taken. */
  took(bytes: number): void {
    this.#data.took(bytes)
  }

  openWindow(bytes: number): void {
    this.writer.openWindow(0, bytes)
  }

  // What else there is.

  #takeReset(id: number): void {
    const stream = this.streamOf(id)
    if (stream === undefined) return this.countOverhead(FRAME_HEAD_BYTES + 4)
    const isEarly = !stream.hasReply
    try {
      stream.abandon('the client has reset the stream')
    } catch (error) {
      this.#owner.failed(error, stream)
    }
    if (isEarly) this.provokedReset()
  }

  #takeSettings(flags: number, bytes: Buffer, from: number, to: number): void {
    this.#refuse(this.#abuse.control())
    if ((flags & ACK) !== 0) {
      if (to > from) throw new Http2Fault(FRAME_SIZE_ERROR, 'an acknowledgement has nothing to say')
      this.#isAcknowledged = true
      return
    }
    const moved = this.writer.adopt(bytes, from, to)
    // Of all streams, whose windows may become less than nothing (RFC 9113, section 6.9.2).
    if (moved !== 0 && !this.#streams.widen(moved)) throw new Http2Fault(FLOW_CONTROL_ERROR, 'no window is so large')
  }

  #takePing(flags: number, bytes: Buffer, from: number, to: number): void {
    const payload = latin1Slice(bytes, from, to)
    if ((flags & ACK) !== 0 && payload === RETIRING && this.#times.isRetired) return this.closeGracefully()
    this.#refuse(this.#abuse.control())
    if ((flags & ACK) === 0) this.writer.ping(ACK, payload)
  }

  #takeWindowUpdate(id: number, bytes: number): void {
    this.countOverhead(FRAME_HEAD_BYTES + 4)
    if (id === 0) {
      if (bytes === 0) throw new Http2Fault(PROTOCOL_ERROR, 'a window is opened by nothing')
      if (!this.writer.widen(bytes)) throw new Http2Fault(FLOW_CONTROL_ERROR, 'no window is so large')
      return
    }
    const stream = this.streamOf(id)
    if (stream === undefined || (bytes > 0 && stream.widen(bytes))) return
    stream.reset(bytes === 0 ? PROTOCOL_ERROR : FLOW_CONTROL_ERROR)
    this.provokedReset()
  }

  // What is counted.

  countOverhead(bytes: number): void {
    this.#refuse(this.#abuse.overhead(bytes, this.writer.output.bytes))
  }

  countStray(bytes: number): void {
    this.#refuse(this.#abuse.stray(bytes, this.writer.output.bytes))
  }

  countEmpty(): void {
    this.#refuse(this.#abuse.control())
  }

  /** One more stream that ends before it has a reply, by the client or because of it. */
  provokedReset(): void {
    this.#refuse(this.#abuse.reset())
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
    if (!stream.isRemoteEnded) this.#abuse.expectStray(this.streamWindowBytes)
    if (!this.isIdle) return
    this.#times.idle()
    if (this.#isClosed) this.wake()
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
    this.#work = 0
    try {
      this.#streams.turn()
      this.#beginWaiting()
      this.writer.flush()
    } catch (error) {
      this.#caught(error)
    }
    if (this.isOver) return
    if (this.#isClosed && this.isIdle) return this.#end(NO_ERROR)
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
