/** Writes a body to its file in blocks, each with its checksum, one after the other. What arrives meanwhile waits in memory. */
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { BLOCK_BYTES } from './block-reader.ts'

export class BlockWriter {
  readonly checks: number[] = []
  readonly #path: string
  readonly #sync: boolean
  /** Called when so many bytes need not wait any more. */
  readonly #written: (bytes: number) => void
  readonly #failed: (error: Error) => void
  #handle: FileHandle | undefined = undefined
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #filled = 0
  readonly #waiting: Buffer[] = []
  #working: Promise<void> = Promise.resolve()
  #isWorking = false
  #isBroken = false

  constructor(path: string, sync: boolean, written: (bytes: number) => void, failed: (error: Error) => void) {
    this.#path = path
    this.#sync = sync
    this.#written = written
    this.#failed = failed
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength;) {
      const count = Math.min(BLOCK_BYTES - this.#filled, chunk.byteLength - at)
      this.#block.set(chunk.subarray(at, at + count), this.#filled)
      this.#filled += count
      at += count
      if (this.#filled === BLOCK_BYTES) this.#flush()
    }
  }

  /** Resolves when all is in the file, and that is closed. Rejects where it could not be written. */
  async end(): Promise<void> {
    if (this.#filled > 0) this.#flush()
    await this.#working
    if (this.#isBroken) throw new Error('the body could not be written')
    if (this.#sync) await this.#synced()
    await this.close()
  }

  async #synced(): Promise<void> {
    try {
      await this.#handle?.sync()
    } catch (error) {
      this.#failed(error as Error)
      throw error
    }
  }

  /** Gives up what waits. */
  async close(): Promise<void> {
    this.#isBroken = true
    await this.#working
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => {})
  }

  #flush(): void {
    const block = this.#block.subarray(0, this.#filled)
    this.checks.push(crc32(block))
    this.#waiting.push(block)
    this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    this.#filled = 0
    if (this.#isWorking) return
    this.#isWorking = true
    this.#working = this.#work()
  }

  async #work(): Promise<void> {
    try {
      for (let block = this.#waiting.shift(); block !== undefined; block = this.#waiting.shift()) {
        if (this.#isBroken) continue
        this.#handle ??= await open(this.#path, 'wx')
        await writeAll(this.#handle, block)
        this.#written(block.length)
      }
    } catch (error) {
      this.#isBroken = true
      this.#failed(error as Error)
    }
    this.#isWorking = false
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
}
