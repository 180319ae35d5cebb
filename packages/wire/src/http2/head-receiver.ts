/** Heads and trailers as they come in: HEADERS, CONTINUATION behind it, and what their block stands for (RFC 9113, sections 6.2 and 6.10). */
import type { AbuseCounter } from './abuse.ts'
import { CONTINUATION, END_HEADERS, END_STREAM, HAS_PRIORITY, HEADERS, PADDED, PROTOCOL_ERROR } from './frame-types.ts'
import { HeaderBlock } from './header-block.ts'
import { HpackDecoder } from './hpack-decoder.ts'
import { Http2Fault } from './http2-fault.ts'
import { paddingStart } from './padding.ts'
import { type FieldBounds, RequestFields } from './request-fields.ts'

const PRIORITY_BYTES = 5

export interface HeadOwner {
  /** A block was read; encoded, it had so many bytes. */
  fields(stream: number, endsStream: boolean, fields: RequestFields, bytes: number): void
  readonly abuse: AbuseCounter
}

export class HeadReceiver {
  readonly #bounds: FieldBounds
  readonly #owner: HeadOwner
  readonly #decoder = new HpackDecoder()
  readonly #block: HeaderBlock

  /** A block is seldom longer than what it stands for. */
  constructor(bounds: FieldBounds, owner: HeadOwner) {
    this.#bounds = bounds
    this.#owner = owner
    this.#block = new HeaderBlock(2 * bounds.maxListBytes)
  }

  /** Whether a block has begun that is not whole. */
  get isPartial(): boolean {
    return this.#block.stream !== 0
  }

  /** @throws {Http2Fault} where nothing but the rest of a block may come, and this is something else */
  check(type: number, stream: number): void {
    if (this.#block.stream !== 0 && (type !== CONTINUATION || stream !== this.#block.stream))
      throw new Http2Fault(PROTOCOL_ERROR, 'a head is interrupted')
  }

  /** Takes HEADERS or CONTINUATION. */
  take(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    if (type === HEADERS) this.#takeHeaders(flags, stream, bytes, from, to)
    else this.#takeContinuation(flags, stream, bytes, from, to)
  }

  #takeHeaders(flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    let start = from
    let end = to
    if ((flags & PADDED) !== 0) {
      end = paddingStart(bytes, from, to)
      start++
      this.#owner.abuse.overhead(to - end)
    }
    // Which nobody heeds any more (RFC 9113, section 5.3).
    if ((flags & HAS_PRIORITY) !== 0) start += PRIORITY_BYTES
    if (start > end) throw new Http2Fault(PROTOCOL_ERROR, 'the padding is longer than the frame')
    const endsStream = (flags & END_STREAM) !== 0
    if ((flags & END_HEADERS) !== 0) this.#decode(stream, endsStream, bytes, start, end)
    else this.#block.begin(stream, endsStream, bytes, start, end)
  }

  #takeContinuation(flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    const block = this.#block
    if (block.stream === 0) throw new Http2Fault(PROTOCOL_ERROR, 'CONTINUATION of nothing')
    block.add(bytes, from, to)
    if ((flags & END_HEADERS) === 0) return
    const whole = block.end()
    this.#decode(stream, block.endsStream, whole, 0, whole.byteLength)
  }

  #decode(stream: number, endsStream: boolean, bytes: Buffer, from: number, to: number): void {
    const fields = new RequestFields(this.#bounds)
    this.#decoder.decode(bytes, from, to, fields)
    this.#owner.fields(stream, endsStream, fields, to - from)
  }
}
