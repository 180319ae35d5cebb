/** Reads a body's file block by block, each checked against what was written. The file is open from the first block to the last. */
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { PieceReader } from '../piece-source.ts'

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

export class BlockReader implements PieceReader {
  readonly pieceBytes: number = BLOCK_BYTES
  readonly #file: BlockFile
  #opening: Promise<FileHandle> | undefined = undefined
  #hasFailed = false

  constructor(file: BlockFile) {
    this.#file = file
  }

  async read(number: number): Promise<Buffer> {
    try {
      return await this.#readBlock(number)
    } catch (error) {
      if (!this.#hasFailed) this.#file.failed(error as Error)
      this.#hasFailed = true
      throw error
    }
  }

  async close(): Promise<void> {
    const handle = await this.#opening
    await handle?.close()
  }

  async #readBlock(number: number): Promise<Buffer> {
    const handle = await (this.#opening ??= open(this.#file.path, 'r'))
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
