/**
 * A response on its way into memory. Its chunks are copied: they are pieces of larger reads, which they would keep alive. A small
 * body becomes text, another one Buffers of exactly its size: what is reserved for it is what it takes.
 */
import { latin1 } from '@sluice/wire'
import { ARRAY_BYTES, BUFFER_BYTES, POINTER_BYTES, stringBytes } from '../index/heap-costs.ts'
import type { EntryWriter, StoredEntry } from '../store.ts'
import type { MemoryBody } from './memory-entry.ts'
import { ownText } from './owned-text.ts'
import type { PackedHead } from './packed-head.ts'

/** An entry that has no body yet. */
export interface PendingEntry {
  readonly key: string
  readonly packed: PackedHead
  /** What it takes beside its body; reserved already. */
  readonly headBytes: number
  readonly generation: number
}

/** What a writer wants of its store. */
export interface WriterRoom {
  /** Whether small bodies may become text, which lies on V8's heap. */
  readonly takesText: boolean
  readonly maxEntryBytes: number
  /** Makes room for so many bytes more; `false` where there is none. */
  reserve(bytes: number): boolean
  release(bytes: number): void
  keep(entry: PendingEntry, body: MemoryBody): StoredEntry | undefined
}

/** As much leaves with a head in one write. */
const MAX_TEXT_BYTES = 8 * 1024
const FIRST_PIECE_BYTES = 16 * 1024
/** Larger bodies are in several pieces: nothing so large is reserved before it arrives, nor written to a socket at once. */
const MAX_PIECE_BYTES = 1024 * 1024
/** Of a Buffer, what lies on V8's heap. */
const BUFFER_HEAP_BYTES = 200
const NO_PIECES: readonly Buffer[] = Object.freeze([])

export class MemoryWriter implements EntryWriter {
  readonly #room: WriterRoom
  readonly #entry: PendingEntry
  readonly #declared: number | undefined
  /** The body so far, or its beginning, as text. */
  #text: string | undefined
  #isPutTogether = false
  readonly #pieces: Buffer[] = []
  /** How much of the last piece is written. */
  #filled = 0
  #length = 0
  #reserved: number
  #isOver = false

  constructor(room: WriterRoom, entry: PendingEntry, declared: number | undefined) {
    this.#room = room
    this.#entry = entry
    this.#reserved = entry.headBytes
    this.#declared = declared
    this.#text = room.takesText && (declared ?? 0) <= MAX_TEXT_BYTES ? '' : undefined
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false
    this.#length += chunk.byteLength
    const maxBytes = this.#declared ?? this.#room.maxEntryBytes - this.#entry.headBytes
    if (this.#length > maxBytes || !this.#take(chunk)) {
      this.abort()
      return false
    }
    return true
  }

  /** A whole body: copied once. */
  writeText(text: string): boolean {
    if (this.#isOver) return false
    const isAll = this.#length === 0 && text.length === this.#declared
    if (this.#text === undefined || !isAll) return this.write(Buffer.from(text, 'latin1'))
    this.#length = text.length
    this.#text = ownText(text)
    if (this.#reserve(text.length)) return true
    this.abort()
    return false
  }

  commit(): StoredEntry | undefined {
    if (this.#isOver) return undefined
    const isWhole = this.#declared === undefined || this.#length === this.#declared
    const body = isWhole ? this.#body() : undefined
    this.abort()
    return body === undefined ? undefined : this.#room.keep(this.#entry, body)
  }

  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#room.release(this.#reserved)
    this.#text = undefined
    this.#pieces.length = 0
  }

  #take(chunk: Uint8Array): boolean {
    if (this.#text !== undefined) {
      if (this.#length <= MAX_TEXT_BYTES) {
        this.#isPutTogether = this.#text !== ''
        this.#text += latin1(chunk)
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

  #body(): MemoryBody {
    const length = this.#length
    if (this.#text !== undefined) {
      const text = this.#isPutTogether ? ownText(this.#text) : this.#text
      const bytes = stringBytes(text)
      return { length, text, pieces: NO_PIECES, bytes, heapBytes: bytes }
    }
    const pieces = this.#exactPieces()
    const heapBytes = ARRAY_BYTES + pieces.length * (POINTER_BYTES + BUFFER_HEAP_BYTES)
    const bytes = ARRAY_BYTES + pieces.length * (POINTER_BYTES + BUFFER_BYTES) + length
    return { length, text: undefined, pieces, bytes, heapBytes }
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
