/**
 * A response on its way to Redis: chunks leave as they fill, under the entry's own id, where nobody looks for them; once all are
 * there the head is published. Until then they have a short life, so that those of a process that dies go by themselves.
 */
import { ByteGatherer } from '../byte-gatherer.ts'
import type { EntryWriter } from '../store.ts'
import type { PendingBytes } from '../write-limits.ts'

/** What a writer wants of its store. */
export interface WriterSide {
  readonly chunkBytes: number
  readonly maxBodyBytes: number
  readonly pending: PendingBytes
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
  readonly #chunk: ByteGatherer
  #length = 0
  readonly #sending: Promise<void>[] = []
  #isOver = false

  constructor(side: WriterSide, declared: number | undefined) {
    this.#side = side
    this.#declared = declared
    this.#chunk = new ByteGatherer(side.chunkBytes)
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false
    this.#length += chunk.byteLength
    const isTooLong = this.#length > (this.#declared ?? this.#side.maxBodyBytes)
    if (isTooLong || !this.#side.pending.reserve(chunk.byteLength)) {
      this.abort()
      return false
    }
    for (let at = 0; at < chunk.byteLength;) {
      // One that is full leaves when more comes: a body of just one chunk stands with its head.
      if (this.#chunk.length === this.#side.chunkBytes) this.#send()
      at += this.#chunk.append(chunk, at)
    }
    return true
  }

  commit(): void {
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
    this.#side.pending.release(this.#chunk.length)
    this.#chunk.clear()
  }

  #send(): void {
    const bytes = this.#chunk.length
    const sending = this.#side
      .send(this.#sending.length, this.#chunk.sealed())
      .catch((error: unknown) => {
        this.abort()
        throw error
      })
      .finally(() => this.#side.pending.release(bytes))
    // Waited for when all is there; before that nobody does.
    sending.catch(() => {})
    this.#sending.push(sending)
    this.#chunk.clear()
  }

  async #publish(): Promise<void> {
    const isWhole = this.#sending.length === 0
    const body = isWhole ? this.#chunk.sealed() : undefined
    const bytes = isWhole ? this.#chunk.length : 0
    if (!isWhole) this.#send()
    try {
      await Promise.all(this.#sending)
      await this.#side.publish(this.#length, this.#sending.length, body)
    } finally {
      this.#side.pending.release(bytes)
    }
  }
}
