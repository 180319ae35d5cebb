/**
 * Finds where a head ends, over any split of the bytes. A head that is there whole, the usual case, is decoded and searched
 * in place; one that comes in pieces is gathered in a buffer that doubles, and each byte of it is looked at once more at
 * most, so that a client that sends byte by byte costs no more than its bytes.
 */
import { CR, LF, TOKEN } from './characters.ts'
import { latin1Slice } from './latin1.ts'
import { MessageError, type MessageFault } from './message-error.ts'

const END = '\r\n\r\n'
/** Decoded at first: nearly every head fits, and the body behind it is not decoded in vain. */
const FIRST_LOOK = 512

/** What a reader takes for a head. */
export interface HeadReaderOptions {
  /** Ignores one empty line before the head (RFC 9112, section 2.2); a second one is refused. @default false */
  readonly skipsEmptyLine?: boolean
  /** What every head begins with. @default any token */
  readonly prefix?: string
  /**
   * How many bytes are decoded at first. What is more than a head is not in vain where it is a small body that is text as well:
   * see {@link HeadReader.textBehind}.
   * @default 512
   */
  readonly firstLook?: number
  /** What a head over the limit is called. @default 'head-too-large' */
  readonly tooLarge?: MessageFault
}

/** Reads heads from one connection, one after the other. */
export class HeadReader {
  readonly #maxBytes: number
  readonly #skipsEmptyLine: boolean
  readonly #prefix: string
  readonly #tooLarge: MessageFault
  readonly #firstLook: number
  #gathered: Buffer | undefined = undefined
  #length = 0

  /** `maxBytes` counts the lines of the head, not the empty one behind them. */
  constructor(maxBytes: number, options: HeadReaderOptions = {}) {
    this.#maxBytes = maxBytes
    this.#skipsEmptyLine = options.skipsEmptyLine ?? false
    this.#prefix = options.prefix ?? ''
    this.#tooLarge = options.tooLarge ?? 'head-too-large'
    this.#firstLook = options.firstLook ?? FIRST_LOOK
  }

  /** The head, from its first character; set where {@link read} returns a place. */
  text = ''
  /** Past the CRLF of the last field line; set with {@link text}. */
  end = 0

  /** As many characters of what came behind the head, where they were decoded with it. As long as {@link text} is there. */
  textBehind(length: number): string | undefined {
    const from = this.end + 2
    return from + length <= this.text.length ? this.text.slice(from, from + length) : undefined
  }

  /** Whether part of a head is waiting for the rest. */
  get isPartial(): boolean {
    return this.#length > 0
  }

  /**
   * Looks for the end of a head in `bytes` from `from` to `to`; returns the place behind the head, or -1 where more is needed.
   * @throws {MessageError} `head-too-large`, `malformed` for a line that ends in a bare LF
   */
  read(bytes: Buffer, from: number, to: number): number {
    return this.#length === 0 ? this.#readWhole(bytes, from, to) : this.#readRest(bytes, from, to)
  }

  #readWhole(bytes: Buffer, from: number, to: number): number {
    const start = from + (bytes[from] === CR ? this.#emptyLine(bytes, from, to) : 0)
    const limit = Math.min(to, start + this.#maxBytes + END.length)
    let text = latin1Slice(bytes, start, Math.min(limit, start + this.#firstLook))
    let found = text.indexOf(END)
    if (found < 0 && limit - start > this.#firstLook) {
      text = latin1Slice(bytes, start, limit)
      found = text.indexOf(END)
    }
    if (found >= 0) return this.#finish(text, found, start + found + END.length)
    if (to - start >= this.#maxBytes + 2) throw this.#overLimit()
    // What begins like nothing that speaks HTTP need not be waited for: a TLS handshake, another protocol's greeting.
    if (to > start && !this.#beginsWell(text)) throw new MessageError('malformed', 'this is not HTTP')
    this.#indexOfEnd(this.#gather(bytes, from, to), start - from)
    return -1
  }

  #readRest(bytes: Buffer, from: number, to: number): number {
    const before = this.#length
    // No more than the largest head: what is behind its end is not needed here.
    const gathered = this.#gather(bytes, from, Math.min(to, from + 2 + this.#maxBytes + END.length - before))
    const start = gathered[0] === CR ? this.#emptyLine(gathered, 0, this.#length) : 0
    // The mark may have begun in what was there before.
    const found = this.#indexOfEnd(gathered, Math.max(start, before - 3))
    if (found < 0) {
      if (this.#length - start >= this.#maxBytes + 2) throw this.#overLimit()
      return -1
    }
    const text = latin1Slice(gathered, start, found + END.length)
    this.#gathered = undefined
    this.#length = 0
    return this.#finish(text, found - start, from + found + END.length - before)
  }

  /** Looks at each line's end on the way: one that is a bare LF is refused before the rest has come. */
  #indexOfEnd(gathered: Buffer, from: number): number {
    for (let at = from; at < this.#length; at++) {
      if (gathered[at] !== LF) continue
      if (at === 0 || gathered[at - 1] !== CR) throw new MessageError('malformed', 'a line ends in LF alone')
      if (at >= from + 3 && gathered[at - 2] === LF && gathered[at - 3] === CR) return at - 3
    }
    return -1
  }

  #finish(text: string, found: number, behind: number): number {
    if (found + 2 > this.#maxBytes) throw this.#overLimit()
    this.text = text
    this.end = found + 2
    return behind
  }

  #beginsWell(text: string): boolean {
    if (this.#prefix === '') return TOKEN[text.charCodeAt(0)] === 1
    return text.startsWith(this.#prefix) || this.#prefix.startsWith(text)
  }

  /** The length of the empty line at the start, as far as it is there. */
  #emptyLine(bytes: Buffer, from: number, to: number): number {
    const isLine = to - from < 2 || bytes[from + 1] === LF
    if (!this.#skipsEmptyLine || !isLine || (to - from > 2 && bytes[from + 2] === CR)) {
      throw new MessageError('malformed', 'a head does not begin with an empty line')
    }
    return Math.min(2, to - from)
  }

  #gather(bytes: Buffer, from: number, to: number): Buffer {
    const before = this.#length
    const length = before + to - from
    let gathered = this.#gathered
    if (gathered === undefined || gathered.byteLength < length) {
      gathered = Buffer.allocUnsafe(Math.max(FIRST_LOOK, 2 * length))
      this.#gathered?.copy(gathered, 0, 0, before)
      this.#gathered = gathered
    }
    bytes.copy(gathered, before, from, to)
    this.#length = length
    return gathered
  }

  #overLimit(): MessageError {
    return new MessageError(
      this.#tooLarge,
      this.#tooLarge === 'head-too-large' ? 'the head is too large' : 'the trailer section is too large',
    )
  }
}
