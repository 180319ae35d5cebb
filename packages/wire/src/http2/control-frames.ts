/** Frames that are neither requests nor content: SETTINGS, PING, WINDOW_UPDATE and RST_STREAM (RFC 9113, section 6), each of which is counted. */
import { latin1Slice } from '../http1/latin1.ts'
import type { AbuseCounter } from './abuse.ts'
import type { ConnectionEnding } from './connection-ending.ts'
import type { ConnectionWriter } from './connection-writer.ts'
import {
  ACK,
  FLOW_CONTROL_ERROR,
  FRAME_HEAD_BYTES,
  FRAME_SIZE_ERROR,
  LARGEST_WINDOW_BYTES,
  PROTOCOL_ERROR,
} from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'
import type { Http2Stream } from './http2-stream.ts'

/** Of the PING by which we learn that the client knows that we go. */
export const RETIRING = 'retiring'

export interface ControlOwner {
  readonly abuse: AbuseCounter
  readonly writer: ConnectionWriter
  readonly ending: ConnectionEnding
  /** The stream, unless it is over. @throws {Http2Fault} where nobody has opened it */
  streamOf(id: number): Http2Stream | undefined
  /** The client's window of each stream moves by so much; `false` where one becomes larger than windows are. */
  widenAll(bytes: number): boolean
  /** Whoever hears of a reset has thrown. */
  failed(error: unknown, stream: Http2Stream): void
}

export class ControlFrames {
  /** The client knows our settings. */
  isAcknowledged = false
  readonly #owner: ControlOwner

  constructor(owner: ControlOwner) {
    this.#owner = owner
  }

  reset(id: number): void {
    const { abuse } = this.#owner
    const stream = this.#owner.streamOf(id)
    if (stream === undefined) return abuse.overhead(FRAME_HEAD_BYTES + 4)
    const isEarly = !stream.hasReply
    try {
      stream.abandon('the client has reset the stream')
    } catch (error) {
      this.#owner.failed(error, stream)
    }
    if (isEarly) abuse.reset()
  }

  settings(flags: number, bytes: Buffer, from: number, to: number): void {
    this.#owner.abuse.control()
    if ((flags & ACK) !== 0) {
      if (to > from) throw new Http2Fault(FRAME_SIZE_ERROR, 'an acknowledgement has nothing to say')
      this.isAcknowledged = true
      return
    }
    const moved = this.#owner.writer.adopt(bytes, from, to)
    // Of all streams, whose windows may become less than nothing (RFC 9113, section 6.9.2).
    if (moved !== 0 && !this.#owner.widenAll(moved)) throw new Http2Fault(FLOW_CONTROL_ERROR, 'no window is so large')
  }

  ping(flags: number, bytes: Buffer, from: number, to: number): void {
    const payload = latin1Slice(bytes, from, to)
    const isAnswer = (flags & ACK) !== 0
    const { ending } = this.#owner
    // The client knows that nothing new is taken.
    if (isAnswer && payload === RETIRING && ending.isRetiring) return ending.close()
    this.#owner.abuse.control()
    if (!isAnswer) this.#owner.writer.ping(ACK, payload)
  }

  windowUpdate(id: number, payload: Buffer, from: number): void {
    const { abuse, writer } = this.#owner
    const bytes = payload.readUInt32BE(from) & LARGEST_WINDOW_BYTES
    abuse.overhead(FRAME_HEAD_BYTES + 4)
    if (id === 0) {
      if (bytes === 0) throw new Http2Fault(PROTOCOL_ERROR, 'a window is opened by nothing')
      if (!writer.widen(bytes)) throw new Http2Fault(FLOW_CONTROL_ERROR, 'no window is so large')
      return
    }
    const stream = this.#owner.streamOf(id)
    if (stream === undefined || (bytes > 0 && stream.widen(bytes))) return
    stream.reset(bytes === 0 ? PROTOCOL_ERROR : FLOW_CONTROL_ERROR)
    abuse.reset()
  }
}
