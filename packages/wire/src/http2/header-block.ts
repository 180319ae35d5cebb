/** A block of fields that comes in several frames: HEADERS, and CONTINUATION behind it (RFC 9113, section 6.10), within bounds. */
import { DEFAULT_FRAME_BYTES, ENHANCE_YOUR_CALM } from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'

/** Whoever needs more than the bytes do is not up to any good. */
const SPARE_FRAMES = 8
const NO_BYTES = Buffer.alloc(0)

export class HeaderBlock {
  readonly #maxBytes: number
  #stream = 0
  #endsStream = false
  #bytes: Buffer = NO_BYTES
  #length = 0
  #frames = 0

  /** Encoded, a block is seldom longer than what it stands for. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whose block it is, while it is not whole; 0 for none. */
  get stream(): number {
    return this.#stream
  }

  get endsStream(): boolean {
    return this.#endsStream
  }

  begin(stream: number, endsStream: boolean, bytes: Buffer, from: number, to: number): void {
    this.#stream = stream
    this.#endsStream = endsStream
    this.add(bytes, from, to)
  }

  /** @throws {Http2Fault} where it is too much */
  add(bytes: Buffer, from: number, to: number): void {
    const length = this.#length + to - from
    if (length > this.#maxBytes || ++this.#frames > SPARE_FRAMES + this.#maxBytes / DEFAULT_FRAME_BYTES)
      throw new Http2Fault(ENHANCE_YOUR_CALM, 'the head does not end')
    if (this.#bytes.byteLength < length) {
      const larger = Buffer.allocUnsafe(Math.min(2 * length, this.#maxBytes))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    bytes.copy(this.#bytes, this.#length, from, to)
    this.#length = length
  }

  /** The whole of it, which is forgotten here. */
  end(): Buffer {
    const whole = this.#bytes.subarray(0, this.#length)
    this.#stream = this.#length = this.#frames = 0
    this.#bytes = NO_BYTES
    return whole
  }
}
