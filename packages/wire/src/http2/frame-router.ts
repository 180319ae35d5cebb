/** Each frame of a connection to whom it concerns, in the order that RFC 9113 asks for: SETTINGS first, and nothing within a head but the rest of it. */
import type { ConnectionEnding } from './connection-ending.ts'
import type { ConnectionTimes } from './connection-times.ts'
import { ControlFrames, type ControlOwner } from './control-frames.ts'
import { type DataOwner, DataReceiver } from './data-receiver.ts'
import { type FrameOwner, FrameReader } from './frame-reader.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  FRAME_HEAD_BYTES,
  GOAWAY,
  HEADERS,
  PING,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './frame-types.ts'
import { type HeadOwner, HeadReceiver } from './head-receiver.ts'
import { Http2Fault } from './http2-fault.ts'
import type { Http2ConnectionOptions } from './http2-owner.ts'

/** Frames of one connection that are looked at in one turn, or heads of as much work. */
const WORK_PER_TURN = 1_000
/** So many bytes of a head are as much work as a frame. */
const WORK_BYTES = 64

export interface RouterOwner extends HeadOwner, DataOwner, ControlOwner {
  readonly options: Http2ConnectionOptions
  readonly times: ConnectionTimes
}

export class FrameRouter implements FrameOwner {
  readonly data: DataReceiver
  readonly #owner: RouterOwner
  readonly #ending: ConnectionEnding
  readonly #frames: FrameReader
  readonly #heads: HeadReceiver
  readonly #controls: ControlFrames
  #hasSettings = false
  #work = 0

  constructor(owner: RouterOwner) {
    const { options } = owner
    this.#owner = owner
    this.#ending = owner.ending
    this.#frames = new FrameReader(this)
    this.#heads = new HeadReceiver(options, owner)
    this.data = new DataReceiver(options.connectionWindowBytes, owner)
    this.#controls = new ControlFrames(owner)
  }

  get isOver(): boolean {
    return this.#ending.isOver
  }

  /** The client knows our settings. */
  get knowsSettings(): boolean {
    return this.#controls.isAcknowledged
  }

  /** More is not to be looked at in this turn. */
  get isTired(): boolean {
    return this.#work >= WORK_PER_TURN
  }

  /** @throws {Http2Fault} and whatever the owner throws */
  read(bytes: Buffer, length: number): void {
    this.#frames.read(bytes, length)
  }

  /** What was read is all that there is for now: a frame or a head may have begun. */
  pause(): void {
    if (this.#heads.isPartial) return
    const { times } = this.#owner
    if (this.#frames.isPartial) times.partial(this.#frames.frames)
    else times.whole()
  }

  /** Another turn. */
  rest(): void {
    this.#work = 0
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
        return this.data.padded(flags, stream, bytes, from, to)
      case RST_STREAM:
        return this.#controls.reset(stream)
      case SETTINGS:
        return this.#controls.settings(flags, bytes, from, to)
      case PING:
        return this.#controls.ping(flags, bytes, from, to)
      case WINDOW_UPDATE:
        return this.#controls.windowUpdate(stream, bytes, from)
      case GOAWAY:
        this.#owner.abuse.overhead(FRAME_HEAD_BYTES + to - from)
        return this.#owner.ending.close()
      case PUSH_PROMISE:
        throw new Http2Fault(PROTOCOL_ERROR, 'a client promises nothing')
      default:
        // PRIORITY, which nobody heeds any more, and what is not known (RFC 9113, sections 5.3 and 5.5).
        this.#owner.abuse.overhead(FRAME_HEAD_BYTES + to - from)
    }
  }

  beginData(flags: number, stream: number, length: number): void {
    this.#work++
    if (!this.#hasSettings) throw new Http2Fault(PROTOCOL_ERROR, 'SETTINGS come first')
    this.#heads.check(DATA, stream)
    this.data.begin(flags, stream, length)
  }

  dataBytes(bytes: Buffer, from: number, to: number): void {
    this.data.bytes(bytes, from, to)
  }

  endData(): void {
    this.data.end()
  }

  #takeHead(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    const { times } = this.#owner
    const wasPartial = this.#heads.isPartial
    this.#heads.take(type, flags, stream, bytes, from, to)
    this.#work += ((to - from) / WORK_BYTES) | 0
    if (!this.#heads.isPartial) times.whole()
    else if (!wasPartial) times.partial(this.#frames.frames)
  }
}
