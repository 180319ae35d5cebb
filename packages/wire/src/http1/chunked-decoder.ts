/** The chunked coding, read (RFC 9112, section 7.1): incremental, strict, with bounds on every line. */
import type { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'
import { BACKSLASH, CR, EQUALS, FIELD_VALUE, HEX_VALUE, LF, QUOTE, SEMICOLON, TOKEN } from './characters.ts'
import { parseFieldLines } from './field-lines.ts'
import { HeadReader } from './head-reader.ts'
import type { MessageLimits } from './limits.ts'
import { MessageError } from './message-error.ts'

const FRAMING = maskOf('content-length', 'transfer-encoding')

const STATE = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  lastCr: 6,
  lastLf: 7,
  trailers: 8,
  done: 9,
} as const
type State = (typeof STATE)[keyof typeof STATE]

/** Within `;name=token` and `;name="quoted"`; `behind`: a part has ended, and a semicolon or the line's end comes. */
const PART = { behind: 0, nameStart: 1, name: 2, valueStart: 3, value: 4, quoted: 5, escaped: 6 } as const
type Part = (typeof PART)[keyof typeof PART]

/** Takes a run of the body's bytes: a view of what was read, valid only during the call. */
export type TakeBytes = (bytes: Buffer, from: number, to: number) => void

/** Decodes one body. */
export class ChunkedDecoder {
  readonly #limits: MessageLimits
  #state: State = STATE.size
  #size = 0
  #digits = 0
  #lineBytes = 0
  #lines: HeadReader | undefined = undefined
  /** Which part of an extension the next byte belongs to. */
  #part: Part = PART.behind
  trailers: HeaderList | undefined = undefined

  constructor(limits: MessageLimits) {
    this.#limits = limits
  }

  get isDone(): boolean {
    return this.#state === STATE.done
  }

  /**
   * Decodes `bytes` from `from` to `to`; returns the place where it stopped: `to`, or behind the end of the body.
   * @throws {MessageError} `malformed`, `chunk-line-too-long`, `trailers-too-large`, `too-many-fields`
   */
  decode(bytes: Buffer, from: number, to: number, take: TakeBytes): number {
    let at = from
    while (at < to && this.#state !== STATE.done) {
      if (this.#state === STATE.data) at = this.#takeData(bytes, at, to, take)
      else if (this.#state === STATE.trailers) at = this.#takeTrailers(bytes, at, to)
      else if (this.#state === STATE.lastCr && bytes[at] !== CR) this.#state = STATE.trailers
      else this.#step(bytes[at++]!)
    }
    return at
  }

  #step(byte: number): void {
    switch (this.#state) {
      case STATE.size:
        return this.#sizeByte(byte)
      case STATE.extension:
        return this.#extensionByte(byte)
      case STATE.sizeLf:
        if (byte !== LF) throw malformed('a chunk line does not end in CRLF')
        this.#state = this.#size === 0 ? STATE.lastCr : STATE.data
        return
      case STATE.lastCr:
        this.#state = STATE.lastLf
        return
      case STATE.lastLf:
        if (byte !== LF) throw malformed('a body does not end in CRLF')
        this.#state = STATE.done
        return
      case STATE.dataCr:
        if (byte !== CR) throw malformed('a chunk is longer than its size')
        this.#state = STATE.dataLf
        return
      default:
        if (byte !== LF) throw malformed('a chunk does not end in CRLF')
        this.#state = STATE.size
        this.#size = 0
        this.#digits = 0
        this.#lineBytes = 0
    }
  }

  #sizeByte(byte: number): void {
    const value = HEX_VALUE[byte]!
    if (value !== 255) {
      // Twelve digits stay below 2^53, and no chunk is longer.
      if (++this.#digits > 12) throw malformed('a chunk size has too many digits')
      this.#size = this.#size * 16 + value
      return
    }
    if (this.#digits === 0) throw malformed('a chunk size has no digit')
    this.#state = STATE.extension
    this.#lineBytes = this.#digits
    this.#extensionByte(byte, true)
  }

  /** `;name=value`, whose meaning nobody knows: checked for its grammar, and dropped. */
  #extensionByte(byte: number, isFirst = false): void {
    if (byte !== CR && ++this.#lineBytes > this.#limits.maxChunkLineBytes)
      throw new MessageError('chunk-line-too-long', 'a chunk line is too long')
    const part = this.#part
    if (part >= PART.quoted) return this.#quotedByte(byte)
    if (TOKEN[byte] === 1 && part !== PART.behind) {
      this.#part = part <= PART.name ? PART.name : PART.value
      return
    }
    if (part === PART.nameStart) throw malformed('a chunk extension has no name')
    if (byte === EQUALS && part === PART.name) this.#part = PART.valueStart
    else if (byte === QUOTE && part === PART.valueStart) this.#part = PART.quoted
    else if (part === PART.valueStart) throw malformed('a chunk extension has no value')
    else if (byte === CR) {
      this.#part = PART.behind
      this.#state = STATE.sizeLf
    } else if (byte === SEMICOLON) this.#part = PART.nameStart
    // Blanks too, though the grammar lets them stand: a size is what is read in different ways (RFC 9112, section 7.1.1).
    else
      throw malformed(
        isFirst ? 'a chunk size has something else behind it' : 'a chunk extension is not a name and a value',
      )
  }

  #quotedByte(byte: number): void {
    if (FIELD_VALUE[byte] !== 1) throw malformed('a chunk line has a character that can not stand there')
    if (this.#part === PART.escaped) this.#part = PART.quoted
    else if (byte === BACKSLASH) this.#part = PART.escaped
    else if (byte === QUOTE) this.#part = PART.behind
  }

  #takeData(bytes: Buffer, at: number, to: number, take: TakeBytes): number {
    const end = Math.min(to, at + this.#size)
    this.#size -= end - at
    if (this.#size === 0) this.#state = STATE.dataCr
    take(bytes, at, end)
    return end
  }

  #takeTrailers(bytes: Buffer, at: number, to: number): number {
    const { maxTrailerBytes, maxFields } = this.#limits
    const lines = (this.#lines ??= new HeadReader(maxTrailerBytes, { tooLarge: 'trailers-too-large' }))
    const behind = lines.read(bytes, at, to)
    if (behind < 0) return to
    this.trailers = parseFieldLines(lines.text, 0, lines.end, maxFields)
    if (this.trailers.hasAny(FRAMING)) throw malformed('a trailer frames the message that it ends')
    this.#state = STATE.done
    return behind
  }
}

function malformed(message: string): MessageError {
  return new MessageError('malformed', message)
}
