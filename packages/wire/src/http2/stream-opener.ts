/** What a block of fields is to its connection: a request that is let in or refused, the end of a body, or nothing (RFC 9113, section 5.1). */
import type { AbuseCounter } from './abuse.ts'
import type { ConnectionEnding } from './connection-ending.ts'
import type { ConnectionWriter } from './connection-writer.ts'
import { CutStreams } from './cut-streams.ts'
import {
  CANCEL,
  ENHANCE_YOUR_CALM,
  FRAME_HEAD_BYTES,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED,
} from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'
import type { Http2ConnectionOptions } from './http2-owner.ts'
import type { Http2Stream } from './http2-stream.ts'
import type { OpenStreams } from './open-streams.ts'
import type { Http2RequestHead, RequestFields } from './request-fields.ts'

export interface OpenerOwner {
  readonly abuse: AbuseCounter
  readonly writer: ConnectionWriter
  readonly options: Http2ConnectionOptions
  readonly ending: ConnectionEnding
  /** A request is let in. */
  open(id: number, head: Http2RequestHead, endsStream: boolean): void
  /** Whoever reads the body has thrown. */
  failed(error: unknown, stream: Http2Stream): void
}

export class StreamOpener {
  /** The last stream that was taken: what GOAWAY says. */
  last = 0
  /** The last one that was heard of. */
  #highest = 0
  readonly #owner: OpenerOwner
  readonly #streams: OpenStreams
  readonly #cut = new CutStreams()

  constructor(streams: OpenStreams, owner: OpenerOwner) {
    this.#streams = streams
    this.#owner = owner
  }

  /** The stream, unless it is over. @throws {Http2Fault} where nobody has opened it */
  streamOf(id: number): Http2Stream | undefined {
    const stream = this.#streams.get(id)
    if (stream === undefined && (id > this.#highest || isServers(id)))
      throw new Http2Fault(PROTOCOL_ERROR, 'a frame of a stream that nobody has opened')
    return stream
  }

  /** It was reset before its client had sent all: the rest may be on its way. */
  cut(id: number): void {
    this.#cut.add(id)
  }

  /** Content, or fields, of one that is over. @throws {Http2Fault} where its client has said before that this was all */
  stray(id: number): void {
    // Beyond the last one they were never taken: GOAWAY has crossed them.
    if (id <= this.last && !this.#cut.mayHave(id))
      throw new Http2Fault(STREAM_CLOSED, 'a frame behind the end of its stream')
  }

  /** A block was read; encoded, it had so many bytes. */
  fields(id: number, endsStream: boolean, fields: RequestFields, bytes: number): void {
    const stream = this.#streams.get(id)
    if (stream !== undefined) return this.#endBody(stream, endsStream, fields)
    if (isServers(id)) throw new Http2Fault(PROTOCOL_ERROR, 'a client has odd streams')
    // Behind a reset that it has not heard of yet, or a GOAWAY.
    if (id <= this.#highest || this.#owner.ending.isClosed) {
      this.stray(id)
      this.#highest = Math.max(id, this.#highest)
      return this.#owner.abuse.overhead(FRAME_HEAD_BYTES + bytes)
    }
    this.#highest = this.last = id
    this.#open(id, endsStream, fields)
  }

  #open(id: number, endsStream: boolean, fields: RequestFields): void {
    const { abuse } = this.#owner
    if (fields.isFull) {
      this.#refuse(id, endsStream, ENHANCE_YOUR_CALM)
      return abuse.bomb()
    }
    const head = fields.head(endsStream)
    const code = this.#refusal(head, endsStream)
    if (code === undefined) return this.#owner.open(id, head!, endsStream)
    this.#refuse(id, endsStream, code)
    abuse.reset()
  }

  #refuse(id: number, endsStream: boolean, code: number): void {
    this.#owner.writer.reset(id, code)
    if (!endsStream) this.cut(id)
  }

  /** With which error its stream is reset, if it is not let in. */
  #refusal(head: Http2RequestHead | undefined, endsStream: boolean): number | undefined {
    if (head === undefined) return PROTOCOL_ERROR
    // Who asks for a tunnel and ends it in one breath has left.
    if (endsStream && head.protocol !== undefined) return CANCEL
    const { maxConcurrentStreams, maxQueuedBytes } = this.#owner.options
    const isCrowded =
      this.#streams.size >= maxConcurrentStreams || this.#owner.writer.scheduler.queuedBytes > maxQueuedBytes
    return isCrowded ? REFUSED_STREAM : undefined
  }

  /** Trailers. */
  #endBody(stream: Http2Stream, endsStream: boolean, fields: RequestFields): void {
    const trailers = fields.isFull ? undefined : fields.trailers()
    if (stream.isRemoteEnded || !endsStream || trailers === undefined) {
      stream.reset(stream.isRemoteEnded ? STREAM_CLOSED : PROTOCOL_ERROR)
      return this.#owner.abuse.reset()
    }
    try {
      stream.receiveEnd(trailers)
    } catch (error) {
      this.#owner.failed(error, stream)
    }
  }
}

/** Those of even numbers are for servers to open, which this one never does. */
function isServers(id: number): boolean {
  return (id & 1) === 0
}
