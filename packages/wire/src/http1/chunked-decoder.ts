/** The chunked coding, read (RFC 9112, section 7.1): incremental, strict, with bounds on every line. */
import type { HeaderList } from '../header-list.ts'
import { CR, FIELD_VALUE, HEX_VALUE, LF, SEMICOLON, SPACE, TAB, TOKEN } from './characters.ts'
import { parseFieldLines } from './field-lines.ts'
import type { MessageLimits } from './limits.ts'
import { MessageError } from './message-error.ts'

const STATE = { size: 0, extension: 1, sizeLf: 2, data: 3, dataCr: 4, dataLf: 5, trailers: 6, done: 7 } as const
type State = (typeof STATE)[keyof typeof STATE]

/** Takes a run of the body's bytes: a view of what was read, valid only during the call. */
export type TakeBytes = (bytes: Buffer, from: number, to: number) => void

/** Decodes one body. */
export class ChunkedDecoder {
  readonly #limits: MessageLimits
  #state: State = STATE.size
  #size = 0
  #digits = 0
  #lineBytes = 0
  #trailerText = ''
  /** Whether the next byte of an extension must begin a name: behind a semicolon. */
  #needsName = false
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
        this.#state = this.#size === 0 ? STATE.trailers : STATE.data
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
    this.#extensionByte(byte, true)
  }

  /** `; name=value`, whose meaning nobody knows: checked for its shape, and dropped. */
  #extensionByte(byte: number, isFirst = false): void {
    if (++this.#lineBytes > this.#limits.maxChunkLineBytes)
      throw new MessageError('chunk-line-too-long', 'a chunk line is too long')
    if (byte === CR && !this.#needsName) {
      this.#state = STATE.sizeLf
    } else if (byte === SEMICOLON) {
      if (this.#needsName) throw malformed('a chunk extension has no name')
      this.#needsName = true
    } else if (byte === SPACE || byte === TAB) {
      if (isFirst) throw malformed('a chunk size has a blank behind it')
    } else if (isFirst || FIELD_VALUE[byte] !== 1)
      throw malformed('a chunk line has a character that can not stand there')
    else if (this.#needsName) {
      if (TOKEN[byte] !== 1) throw malformed('the name of a chunk extension is not a token')
      this.#needsName = false
    }
  }

  #takeData(bytes: Buffer, at: number, to: number, take: TakeBytes): number {
    const end = Math.min(to, at + this.#size)
    this.#size -= end - at
    if (this.#size === 0) this.#state = STATE.dataCr
    take(bytes, at, end)
    return end
  }

  #takeTrailers(bytes: Buffer, at: number, to: number): number {
    const before = this.#trailerText.length
    const { maxTrailerBytes, maxFields } = this.#limits
    const text = this.#trailerText + bytes.toString('latin1', at, Math.min(to, at + maxTrailerBytes + 4 - before))
    if (text.startsWith('\r\n')) {
      this.#state = STATE.done
      return at + 2 - before
    }
    const found = text.indexOf('\r\n\r\n', Math.max(0, before - 3))
    if (found >= 0 ? found > maxTrailerBytes : text.length > maxTrailerBytes) {
      throw new MessageError('trailers-too-large', 'the trailer section is too large')
    }
    if (found >= 0) {
      this.trailers = parseFieldLines(text, 0, found + 2, maxFields)
      this.#state = STATE.done
      return at + found + 4 - before
    }
    this.#trailerText = text
    return to
  }
}

function malformed(message: string): MessageError {
  return new MessageError('malformed', message)
}
