/** Reads the body of one message, however it is delimited (RFC 9112, section 6.3). */
import type { HeaderList } from '../header-list.ts'
import { ChunkedDecoder, type TakeBytes } from './chunked-decoder.ts'
import { CHUNKED, UNTIL_CLOSE } from './framing.ts'
import type { MessageLimits } from './limits.ts'

export class BodyReader {
  readonly #decoder: ChunkedDecoder | undefined
  /** Bytes that are still to come, or UNTIL_CLOSE. */
  #left: number

  /** `framing`: how many bytes, `CHUNKED` or `UNTIL_CLOSE`. */
  constructor(framing: number, limits: MessageLimits) {
    this.#left = framing
    this.#decoder = framing === CHUNKED ? new ChunkedDecoder(limits) : undefined
  }

  /** Whether the end of the connection is the end of the body. */
  get isUntilClose(): boolean {
    return this.#left === UNTIL_CLOSE
  }

  get isDone(): boolean {
    return this.#decoder === undefined ? this.#left === 0 : this.#decoder.isDone
  }

  /** Set once it is done, where there were any. */
  get trailers(): HeaderList | undefined {
    return this.#decoder?.trailers
  }

  /**
   * Hands what belongs to the body to `take`; returns the place where it stopped: `to`, or behind the end of the body.
   * @throws {MessageError} for chunks that are none, or too large a trailer section
   */
  read(bytes: Buffer, from: number, to: number, take: TakeBytes): number {
    if (this.#decoder !== undefined) return this.#decoder.decode(bytes, from, to, take)
    const end = this.isUntilClose ? to : Math.min(to, from + this.#left)
    if (!this.isUntilClose) this.#left -= end - from
    take(bytes, from, end)
    return end
  }
}
