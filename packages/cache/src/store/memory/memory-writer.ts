/**
 * A response on its way into memory. Its chunks are copied: they are pieces of larger reads, which they would keep alive. A small
 * body is gathered as text, another one in Buffers of exactly its size: what is reserved for it is what it takes.
 */
import { latin1 } from '@sluice/wire'
import { BUFFER_BYTES } from '../index/heap-costs.ts'
import type { EntryWriter } from '../store.ts'
import type { PendingEntry, WrittenBody } from './entry-maker.ts'
import { ownText } from './owned-text.ts'

/** What a writer wants of its store. */
export interface WriterRoom {
  /** Bodies up to here are handed over as text. */
  readonly maxTextBytes: number
  readonly maxEntryBytes: number
  /** Makes room for so many bytes more; `false` where there is none. */
  reserve(bytes: number): boolean
  release(bytes: number): void
  keep(entry: PendingEntry, body: WrittenBody): void
}

const FIRST_PIECE_BYTES = 16 * 1024
/** Larger bodies are in several pieces: nothing so large is reserved before it arrives, nor written to a socket at once. */
const MAX_PIECE_BYTES = 1024 * 1024
/** So many chunks of a text become one string: until then each takes some dozen bytes beside its characters. */
const JOINED = 64
const NO_PIECES: readonly Buffer[] = Object.freeze([])

export class MemoryWriter implements EntryWriter {
  readonly #room: WriterRoom
  #entry: PendingEntry
  readonly #declared: number | undefined
  /** The body so far, or its beginning, as text. */
  #text: string | undefined
  /** Of how many chunks it is put together. */
  #chunks = 0
  readonly #pieces: Buffer[] = []
  /** How much of the last piece is written. */
  #filled = 0
  #length = 0
  #reserved: number
  #isOver = false

  constructor(room: WriterRoom, entry: PendingEntry, declared: number | undefined) {
    this.#room = room
    this.#entry = entry
    this.#reserved = entry.bytes
    this.#declared = declared
    this.#text = (declared ?? 0) <= room.maxTextBytes ? '' : undefined
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false
    if (this.#length === 0) this.#keepHead()
    this.#length += chunk.byteLength
    const maxBytes = this.#declared ?? this.#room.maxEntryBytes - this.#entry.bytes
    if (this.#length > maxBytes || !this.#take(chunk)) {
      this.abort()
      return false
    }
    return true
  }

  /** A whole body. */
  writeText(text: string): boolean {
    if (this.#isOver) return false
    const isAll = this.#length === 0 && text.length === this.#declared
    if (this.#text === undefined || !isAll) return this.write(Buffer.from(text, 'latin1'))
    this.#length = text.length
    this.#text = text
    if (this.#reserve(text.length)) return true
    this.abort()
    return false
  }

  commit(): void {
    if (this.#isOver) return
    const isWhole = this.#declared === undefined || this.#length === this.#declared
    const body = isWhole ? this.#body() : undefined
    this.abort()
    if (body !== undefined) this.#room.keep(this.#entry, body)
  }

  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#room.release(this.#reserved)
    this.#text = undefined
    this.#pieces.length = 0
  }

  /** The rest may take long to come: until then it is not to keep alive what it came in. */
  #keepHead(): void {
    this.#entry = { ...this.#entry, headText: ownText(this.#entry.headText) }
  }

  #take(chunk: Uint8Array): boolean {
    if (this.#text !== undefined) {
      if (this.#length <= this.#room.maxTextBytes) {
        this.#text += latin1(chunk)
        if (++this.#chunks % JOINED === 0) this.#text = ownText(this.#text)
        return this.#reserve(chunk.byteLength)
      }
      const beginning = Buffer.from(this.#text, 'latin1')
      this.#text = undefined
      if (!this.#fill(beginning, this.#length)) return false
    }
    return this.#fill(chunk, this.#length)
  }

  /** Copies `chunk` behind what is there; `total` is how much will have arrived with it, at least. */
  #fill(chunk: Uint8Array, total: number): boolean {
    for (let at = 0; at < chunk.byteLength;) {
      let piece = this.#pieces.at(-1)
      if (piece === undefined || this.#filled === piece.length) {
        const size = this.#nextSize(total)
        if (!this.#reserve(size + BUFFER_BYTES)) return false
        this.#pieces.push((piece = Buffer.allocUnsafeSlow(size)))
        this.#filled = 0
      }
      const count = Math.min(piece.length - this.#filled, chunk.byteLength - at)
      piece.set(count === chunk.byteLength ? chunk : chunk.subarray(at, at + count), this.#filled)
      this.#filled += count
      at += count
    }
    return true
  }

  #nextSize(total: number): number {
    const written = this.#pieces.reduce((sum, { length }) => sum + length, 0)
    const wanted =
      this.#declared === undefined ? Math.max(FIRST_PIECE_BYTES, written, total - written) : this.#declared - written
    return Math.min(wanted, MAX_PIECE_BYTES)
  }

  #reserve(bytes: number): boolean {
    if (!this.#room.reserve(bytes)) return false
    this.#reserved += bytes
    return true
  }

  #body(): WrittenBody {
    const text = this.#text
    return { length: this.#length, text, pieces: text === undefined ? this.#exactPieces() : undefined }
  }

  #exactPieces(): readonly Buffer[] {
    if (this.#length === 0) return NO_PIECES
    const pieces = this.#pieces.slice()
    const last = pieces.pop()!
    const end = last.subarray(0, this.#filled)
    if (pieces.length > 0 && this.#length <= MAX_PIECE_BYTES) return [gathered([...pieces, end], this.#length)]
    pieces.push(end.length === last.length ? last : gathered([end], end.length))
    return pieces
  }
}

/** A Buffer of exactly this size; `Buffer.concat` might give a piece of Node's pool. */
function gathered(pieces: readonly Buffer[], length: number): Buffer {
  const whole = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
