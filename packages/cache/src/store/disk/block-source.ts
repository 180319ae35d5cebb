/**
 * A body that is read from its file, block by block, one ahead of its reader. Each block is checked before it is written on: where one
 * is not what was written, the body breaks off.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { type BodySink, type BodySource, WireError } from '@sluice/wire'

/** Bodies are written, checked and read in blocks of so many bytes. */
export const BLOCK_BYTES = 65_536

/** A body's file. */
export interface BlockFile {
  readonly path: string
  readonly length: number
  readonly checks: readonly number[]
  /** Told when it can't be read to its end, with the reason. */
  failed(error: Error): void
}

export class BlockSource implements BodySource {
  readonly #file: BlockFile
  readonly #end: number
  #at: number
  #wake: (() => void) | undefined = undefined
  #isPaused = false
  #isOver = false

  constructor(file: BlockFile, start: number, end: number) {
    this.#file = file
    this.#at = start
    this.#end = end
  }

  start(sink: BodySink): void {
    void this.#flow(sink)
  }

  resume(): void {
    this.#isPaused = false
    this.#wake?.()
    this.#wake = undefined
  }

  cancel(): void {
    this.#isOver = true
    this.resume()
  }

  async #flow(sink: BodySink): Promise<void> {
    let handle: FileHandle | undefined
    try {
      handle = await open(this.#file.path, 'r')
      await this.#copy(handle, sink)
      await handle.close()
      if (this.#isOver) return
      this.#isOver = true
      sink.end()
    } catch (cause) {
      await handle?.close().catch(() => {})
      this.#file.failed(cause as Error)
      if (this.#isOver) return
      this.#isOver = true
      sink.abort(new WireError('ERR_SLUICE_BODY_ABORTED', 'a part of the stored body can not be had', { cause }))
    }
  }

  async #copy(handle: FileHandle, sink: BodySink): Promise<void> {
    let next = this.#at < this.#end ? this.#read(handle, Math.floor(this.#at / BLOCK_BYTES)) : undefined
    while (next !== undefined && !this.#isOver) {
      const number = Math.floor(this.#at / BLOCK_BYTES)
      const block = await next
      const base = number * BLOCK_BYTES
      const to = Math.min(this.#end, base + block.length)
      next = to < this.#end && !this.#isOver ? this.#read(handle, number + 1) : undefined
      const from = this.#at - base
      this.#at = to
      if (this.#isOver) break
      // Set before, since a sink may resume from within its `write`.
      this.#isPaused = true
      if (sink.write(block.subarray(from, to - base))) this.#isPaused = false
      if (this.#isPaused) await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    // The file is closed behind it.
    await next
  }

  #read(handle: FileHandle, number: number): Promise<Buffer> {
    const reading = this.#readBlock(handle, number)
    reading.catch(() => {})
    return reading
  }

  async #readBlock(handle: FileHandle, number: number): Promise<Buffer> {
    const from = number * BLOCK_BYTES
    const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, this.#file.length - from))
    for (let read = 0; read < block.length;) {
      const { bytesRead } = await handle.read(block, read, block.length - read, from + read)
      if (bytesRead === 0) throw new DamagedError('the file is too short')
      read += bytesRead
    }
    if (crc32(block) !== this.#file.checks[number]) throw new DamagedError('a block is not what was written')
    return block
  }
}

/** What is in a file is not what was written. */
export class DamagedError extends Error {}
