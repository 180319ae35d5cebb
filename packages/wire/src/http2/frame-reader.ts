/**
 * Bytes in, frames out (RFC 9113, section 4), whatever pieces they come in. A frame that came whole is handed over where it lies
 * in the read; one that was cut is gathered first, but for DATA, whose bytes go on as they come: a slow sender's body is not held
 * back for the rest of its frame.
 */
import {
  CONTINUATION,
  DATA,
  DEFAULT_FRAME_BYTES,
  FRAME_HEAD_BYTES,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'

/** What a client's connection begins with (RFC 9113, section 3.4). */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Gets the frames. Bytes are valid during the call only. What it throws ends the reading. */
export interface FrameOwner {
  /** Nothing more is looked at. */
  readonly isOver: boolean
  /** A whole frame of any kind but DATA without padding. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void
  /** DATA without padding begins, with so many bytes. */
  beginData(flags: number, stream: number, length: number): void
  /** Bytes of it. */
  dataBytes(bytes: Buffer, from: number, to: number): void
  /** It was whole. */
  endData(): void
}

const NO_BYTES = Buffer.alloc(0)

export class FrameReader {
  readonly #owner: FrameOwner
  #prefaceLeft = PREFACE.byteLength
  /** Of DATA, what is still to come. */
  #dataLeft = 0
  /** The beginning of a frame, without the rest. */
  #partial: Buffer = NO_BYTES
  #filled = 0
  /** Frames so far. */
  frames = 0

  constructor(owner: FrameOwner) {
    this.#owner = owner
  }

  /** Whether something has begun that is to be waited for; the rest of a body is not meant. */
  get isPartial(): boolean {
    return this.#filled > 0 || (this.#prefaceLeft > 0 && this.#prefaceLeft < PREFACE.byteLength)
  }

  /** @throws {Http2Fault} and whatever the owner throws */
  read(bytes: Buffer, length: number): void {
    const owner = this.#owner
    let at = this.#prefaceLeft > 0 ? this.#readPreface(bytes, length) : 0
    if (this.#filled > 0) at = this.#readRest(bytes, at, length)
    while (at < length && !owner.isOver) {
      if (this.#dataLeft > 0) {
        at = this.#readData(bytes, at, length)
        continue
      }
      if (length - at < FRAME_HEAD_BYTES) break
      const size = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
      const type = bytes[at + 3]!
      const flags = bytes[at + 4]!
      const from = at + FRAME_HEAD_BYTES
      if (type === DATA && (flags & PADDED) === 0) {
        this.#beginData(flags, streamAt(bytes, at), size)
        at = from
        continue
      }
      const stream = streamAt(bytes, at)
      checkSize(type, stream, size)
      if (length - from < size) break
      this.frames++
      at = from + size
      owner.frame(type, flags, stream, bytes, from, at)
    }
    if (at < length && !owner.isOver) this.#keep(bytes, at, length)
  }

  #readPreface(bytes: Buffer, length: number): number {
    const have = PREFACE.byteLength - this.#prefaceLeft
    const count = Math.min(length, this.#prefaceLeft)
    if (PREFACE.compare(bytes, 0, count, have, have + count) !== 0)
      throw new Http2Fault(PROTOCOL_ERROR, 'the connection does not begin with the preface')
    this.#prefaceLeft -= count
    return count
  }

  #beginData(flags: number, stream: number, size: number): void {
    checkSize(DATA, stream, size)
    this.frames++
    this.#owner.beginData(flags, stream, size)
    this.#dataLeft = size
    if (size === 0) this.#owner.endData()
  }

  #readData(bytes: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#dataLeft)
    this.#dataLeft -= end - at
    this.#owner.dataBytes(bytes, at, end)
    if (this.#dataLeft === 0) this.#owner.endData()
    return end
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const wanted = to - from < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : FRAME_HEAD_BYTES + bytes.readUIntBE(from, 3)
    this.#partial = Buffer.allocUnsafe(wanted)
    this.#filled = bytes.copy(this.#partial, 0, from, to)
  }

  /** Goes on with a frame that was cut; says where the next one begins. */
  #readRest(bytes: Buffer, from: number, to: number): number {
    const at = this.#fill(FRAME_HEAD_BYTES, bytes, from, to)
    if (this.#filled < FRAME_HEAD_BYTES) return at
    const head = this.#partial
    const size = head.readUIntBE(0, 3)
    const type = head[3]!
    const flags = head[4]!
    const stream = streamAt(head, 0)
    if (type === DATA && (flags & PADDED) === 0) {
      this.#drop()
      this.#beginData(flags, stream, size)
      return at
    }
    checkSize(type, stream, size)
    const whole = FRAME_HEAD_BYTES + size
    if (head.byteLength < whole) {
      this.#partial = Buffer.allocUnsafe(whole)
      head.copy(this.#partial, 0, 0, this.#filled)
    }
    const behind = this.#fill(whole, bytes, at, to)
    if (this.#filled < whole) return behind
    const frame = this.#partial
    this.#drop()
    this.frames++
    this.#owner.frame(type, flags, stream, frame, FRAME_HEAD_BYTES, whole)
    return behind
  }

  /** Copies until so many bytes are there, or there are no more; says how far it has come. */
  #fill(wanted: number, bytes: Buffer, from: number, to: number): number {
    const missing = wanted - this.#filled
    if (missing <= 0) return from
    const end = Math.min(to, from + missing)
    bytes.copy(this.#partial, this.#filled, from, end)
    this.#filled += end - from
    return end
  }

  #drop(): void {
    this.#partial = NO_BYTES
    this.#filled = 0
  }
}

function streamAt(bytes: Buffer, at: number): number {
  return ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!
}

/** Where each kind of frame belongs, and how long it may be: known before any of it is kept. */
function checkSize(type: number, stream: number, size: number): void {
  if (size > DEFAULT_FRAME_BYTES) throw new Http2Fault(FRAME_SIZE_ERROR, 'the frame is larger than allowed')
  switch (type) {
    case DATA:
    case HEADERS:
    case CONTINUATION:
    case PUSH_PROMISE:
      return needsStream(stream)
    case PRIORITY:
      needsStream(stream)
      return hasSize(size === 5)
    case RST_STREAM:
      needsStream(stream)
      return hasSize(size === 4)
    case SETTINGS:
      if (stream !== 0) break
      return hasSize(size % 6 === 0)
    case PING:
      if (stream !== 0) break
      return hasSize(size === 8)
    case GOAWAY:
      if (stream !== 0) break
      return hasSize(size >= 8)
    case WINDOW_UPDATE:
      return hasSize(size === 4)
    default:
      return
  }
  throw new Http2Fault(PROTOCOL_ERROR, 'the frame is one of the connection, and came on a stream')
}

function needsStream(stream: number): void {
  if (stream === 0) throw new Http2Fault(PROTOCOL_ERROR, 'the frame is one of a stream, and came on none')
}

function hasSize(isRight: boolean): void {
  if (!isRight) throw new Http2Fault(FRAME_SIZE_ERROR, 'the frame has a length that none of its kind has')
}
