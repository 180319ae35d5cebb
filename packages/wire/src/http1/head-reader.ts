/**
 * Finds where a head ends, over any split of the bytes. A head that is there whole, the usual case, is decoded and searched
 * in place; one that comes in pieces is gathered, and each byte of it is looked at once more at most, so that a client
 * that sends byte by byte costs no more than its bytes.
 */
import { MessageError } from './message-error.ts'

const END = '\r\n\r\n'
/** Decoded at first: nearly every head fits, and the body behind it is not decoded in vain. */
const FIRST_LOOK = 512

/** Reads heads from one connection, one after the other. */
export class HeadReader {
  readonly #maxBytes: number
  #gathered = ''

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The head, from its first character; set where {@link read} returns a place. */
  text = ''
  /** Past the CRLF of the last field line; set with {@link text}. */
  end = 0

  /** Whether part of a head is waiting for the rest. */
  get isPartial(): boolean {
    return this.#gathered !== ''
  }

  /**
   * Looks for the end of a head in `bytes` from `from` to `to`; returns the place behind the head, or -1 where more is needed.
   * @throws {MessageError} `head-too-large`, `malformed` for a line that ends in a bare LF
   */
  read(bytes: Buffer, from: number, to: number): number {
    return this.#gathered === '' ? this.#readWhole(bytes, from, to) : this.#readRest(bytes, from, to)
  }

  #readWhole(bytes: Buffer, from: number, to: number): number {
    let start = from
    // An empty line before a request is ignored (RFC 9112, section 2.2): one, not a stream of them.
    if (to - from >= 2 && bytes[from] === 0x0d && bytes[from + 1] === 0x0a) start += 2
    const limit = Math.min(to, start + this.#maxBytes + END.length)
    let text = bytes.toString('latin1', start, Math.min(limit, start + FIRST_LOOK))
    let found = text.indexOf(END)
    if (found < 0 && limit - start > FIRST_LOOK) {
      text = bytes.toString('latin1', start, limit)
      found = text.indexOf(END)
    }
    if (found >= 0) return this.#finish(text, found, start + found + END.length)
    this.#gather(text, 0)
    return -1
  }

  #readRest(bytes: Buffer, from: number, to: number): number {
    const before = this.#gathered.length
    const text =
      this.#gathered + bytes.toString('latin1', from, Math.min(to, from + this.#maxBytes + END.length - before))
    // The mark may have begun in what was there before.
    const found = text.indexOf(END, Math.max(0, before - 3))
    if (found < 0) {
      this.#gather(text, before)
      return -1
    }
    this.#gathered = ''
    return this.#finish(text, found, from + found + END.length - before)
  }

  #finish(text: string, found: number, behind: number): number {
    if (found + 2 > this.#maxBytes) throw new MessageError('head-too-large', 'the head is too large')
    this.text = text
    this.end = found + 2
    return behind
  }

  #gather(text: string, before: number): void {
    if (text.length > this.#maxBytes) throw new MessageError('head-too-large', 'the head is too large')
    for (let at = text.indexOf('\n', before); at >= 0; at = text.indexOf('\n', at + 1)) {
      if (text.charCodeAt(at - 1) !== 0x0d) throw new MessageError('malformed', 'a line ends in LF alone')
    }
    this.#gathered = text
  }
}
