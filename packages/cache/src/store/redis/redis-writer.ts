/**
 * A response on its way to Redis: chunks leave as they fill, under the entry's own id, where nobody looks for them; once all are
 * there the head is published. Until then they have a short life, so that those of a process that dies go by themselves.
 */
import { sealed } from '../chunk-check.ts'
import type { EntryWriter } from '../store.ts'

/** What a writer wants of its store. */
export interface WriterSide {
  readonly chunkBytes: number
  readonly maxBodyBytes: number
  /** Whether so many bytes more may wait to be written. */
  reserve(bytes: number): boolean
  release(bytes: number): void
  /** Writes a chunk. Rejects where that fails. */
  send(number: number, chunk: Buffer): Promise<void>
  /** Makes it visible: once all chunks are there. The body is given where it is one chunk or less. */
  publish(bodyBytes: number, chunks: number, body: Buffer | undefined): Promise<void>
  done(publishing: Promise<void>): void
}

export class RedisWriter implements EntryWriter {
  readonly #side: WriterSide
  readonly #declared: number | undefined
  /** What has not filled a chunk yet. */
  #pieces: Uint8Array[] = []
  #pieceBytes = 0
  #length = 0
  readonly #sending: Promise<void>[] = []
  #isOver = false

  constructor(side: WriterSide, declared: number | undefined) {
    this.#side = side
    this.#declared = declared
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false
    this.#length += chunk.byteLength
    const isTooLong = this.#length > (this.#declared ?? this.#side.maxBodyBytes)
    if (isTooLong || !this.#side.reserve(chunk.byteLength)) {
      this.abort()
      return false
    }
    for (let at = 0; at < chunk.byteLength;) {
      // One that is full leaves when more comes: a body of just one chunk stands with its head.
      if (this.#pieceBytes === this.#side.chunkBytes) this.#send()
      const piece = chunk.subarray(at, at + this.#side.chunkBytes - this.#pieceBytes)
      this.#pieces.push(ownPiece(piece))
      this.#pieceBytes += piece.byteLength
      at += piece.byteLength
    }
    return true
  }

  commit(): undefined {
    if (this.#isOver) return
    if (this.#declared !== undefined && this.#length !== this.#declared) {
      this.abort()
      return
    }
    this.#isOver = true
    this.#side.done(this.#publish())
  }

  /** What was sent goes by itself. */
  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#side.release(this.#pieceBytes)
    this.#pieces = []
  }

  #send(): void {
    const bytes = this.#pieceBytes
    const sending = this.#side
      .send(this.#sending.length, sealed(this.#pieces))
      .catch((error: unknown) => {
        this.abort()
        throw error
      })
      .finally(() => this.#side.release(bytes))
    // Waited for when all is there; before that nobody does.
    sending.catch(() => {})
    this.#sending.push(sending)
    this.#pieces = []
    this.#pieceBytes = 0
  }

  async #publish(): Promise<void> {
    const isWhole = this.#sending.length === 0
    const body = isWhole ? sealed(this.#pieces) : undefined
    const bytes = isWhole ? this.#pieceBytes : 0
    if (!isWhole) this.#send()
    try {
      await Promise.all(this.#sending)
      await this.#side.publish(this.#length, this.#sending.length, body)
    } finally {
      this.#side.release(bytes)
    }
  }
}

/** A small piece of a large read is copied, so that it does not keep the whole. */
function ownPiece(piece: Uint8Array): Uint8Array {
  return piece.byteLength * 2 < piece.buffer.byteLength ? Uint8Array.from(piece) : piece
}
