/** A response on its way to disk: kept in memory while it is small, otherwise written as it arrives, to a file that no head speaks of yet. */
import { ByteGatherer } from '../byte-gatherer.ts'
import type { EntryWriter } from '../store.ts'
import type { PendingBytes } from '../write-limits.ts'
import { BLOCK_BYTES } from './block-reader.ts'
import { BlockWriter } from './block-writer.ts'
import { randomName } from './disk-layout.ts'

/** A body that is all there. */
export interface WrittenBody {
  readonly bodyBytes: number
  readonly sealedBody: Buffer | undefined
  readonly body: string | undefined
  readonly checks: readonly number[] | undefined
  /** Gives back the room on disk that was kept for it: from now on it counts as an entry. */
  release(): void
}

/** What a writer wants of its store. */
export interface DiskSide {
  readonly maxBodyBytes: number
  readonly sync: boolean
  /** The directory may be another's. */
  isClosed(): boolean
  bodyPath(name: string): string
  /** In memory, for what is not on disk yet. */
  readonly pending: PendingBytes
  /** Room on disk; `false` where there is none. */
  reserve(bytes: number): boolean
  release(bytes: number): void
  failed(error: Error): void
  /** Lets the entry take its place: behind what is done under its name now, and with a body that is whole by then. */
  publish(written: () => Promise<WrittenBody>): Promise<void>
  removeBody(name: string): void
  /** Something goes on behind the writer. */
  busy(work: Promise<void>): void
}

export class DiskWriter implements EntryWriter {
  readonly #side: DiskSide
  readonly #declared: number | undefined
  /** As long as it is small enough to stand with its head. */
  readonly #small = new ByteGatherer(BLOCK_BYTES)
  #file: { readonly name: string; readonly writer: BlockWriter } | undefined = undefined
  #length = 0
  #reserved = 0
  #pending = 0
  #isOver = false

  constructor(side: DiskSide, declared: number | undefined) {
    this.#side = side
    this.#declared = declared
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false
    this.#length += chunk.byteLength
    const isTooLong = this.#length > (this.#declared ?? this.#side.maxBodyBytes)
    if (isTooLong || this.#side.isClosed() || !this.#reserve() || !this.#side.pending.reserve(chunk.byteLength)) {
      this.abort()
      return false
    }
    this.#pending += chunk.byteLength
    if (this.#file !== undefined) this.#file.writer.write(chunk)
    else if (this.#length <= BLOCK_BYTES) this.#small.append(chunk)
    else this.#toFile(chunk)
    return true
  }

  commit(): void {
    if (this.#isOver) return
    const isShort = this.#declared !== undefined && this.#length !== this.#declared
    if (isShort || this.#side.isClosed()) this.abort()
    else {
      this.#isOver = true
      this.#side.busy(this.#publish())
    }
  }

  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#side.busy(this.#giveUp())
  }

  #toFile(chunk: Uint8Array): void {
    const name = randomName()
    const writer = new BlockWriter(
      this.#side.bodyPath(name),
      this.#side.sync,
      (bytes) => {
        this.#pending -= bytes
        this.#side.pending.release(bytes)
      },
      (error) => {
        this.#side.failed(error)
        this.abort()
      },
    )
    this.#file = { name, writer }
    writer.write(this.#small.content())
    this.#small.clear()
    writer.write(chunk)
  }

  /** In steps: it is asked for often. */
  #reserve(): boolean {
    while (this.#length > this.#reserved) {
      if (!this.#side.reserve(BLOCK_BYTES)) return false
      this.#reserved += BLOCK_BYTES
    }
    return true
  }

  async #publish(): Promise<void> {
    await this.#side.publish(async () => await this.#written())
    await this.#giveUp(false)
  }

  async #written(): Promise<WrittenBody> {
    const file = this.#file
    try {
      await file?.writer.end()
    } catch (error) {
      if (file !== undefined) this.#side.removeBody(file.name)
      throw error
    }
    return {
      bodyBytes: this.#length,
      sealedBody: file === undefined ? this.#small.sealed() : undefined,
      body: file?.name,
      checks: file?.writer.checks,
      release: () => this.#release(),
    }
  }

  async #giveUp(removes = true): Promise<void> {
    const file = this.#file
    await file?.writer.close()
    if (removes && file !== undefined) this.#side.removeBody(file.name)
    this.#side.pending.release(this.#pending)
    this.#pending = 0
    this.#release()
    this.#small.clear()
  }

  #release(): void {
    for (; this.#reserved > 0; this.#reserved -= BLOCK_BYTES) this.#side.release(BLOCK_BYTES)
  }
}
