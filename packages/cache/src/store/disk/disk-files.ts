/** What is done to the files: heads take their place as a whole, and leave it; bodies go when nobody reads them any more. */
import { open, readFile, rename, unlink } from 'node:fs/promises'
import type { Clock } from '@sluice/wire'
import { AtOnce } from './at-once.ts'
import type { DiskPlace } from './disk-entry.ts'
import type { DiskLayout } from './disk-layout.ts'
import { bytesOnDisk } from './disk-layout.ts'
import { encodeHead, type HeadRecord } from './head-file.ts'

/** For so long after it was handed out, an entry's body stays: its reader may not have opened it yet. */
const GRACE_MS = 10_000
/** Of all bytes, how many may stay for that. */
const GRACE_SHARE = 1 / 4
/** Each has a file open. */
const MAX_READS = 64

export class DiskFiles {
  readonly layout: DiskLayout
  readonly #clock: Clock
  readonly #sync: boolean
  readonly #maxLeavingBytes: number
  readonly #reads = new AtOnce(MAX_READS)
  #leavingBytes = 0

  constructor(layout: DiskLayout, clock: Clock, maxBytes: number, sync: boolean) {
    this.layout = layout
    this.#clock = clock
    this.#sync = sync
    this.#maxLeavingBytes = maxBytes * GRACE_SHARE
  }

  async readHead(name: string): Promise<Buffer> {
    return await this.#reads.run(async () => await readFile(this.layout.head(name)))
  }

  /** Gives the size of the file. Where it fails, nothing has changed. */
  async writeHead(name: string, record: HeadRecord, sealedBody: Buffer | undefined): Promise<number> {
    const file = encodeHead(record, sealedBody)
    const path = this.layout.newHead()
    try {
      const handle = await open(path, 'wx')
      try {
        await handle.writeFile(file)
        if (this.#sync) await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(path, this.layout.head(name))
    } catch (error) {
      await removeFile(path)
      throw error
    }
    return file.length
  }

  /** Rejects where it is there and can't be removed. */
  async removeHead(name: string): Promise<void> {
    await unlink(this.layout.head(name)).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }

  /** A body that no head speaks of. */
  discardBody(body: string): void {
    void removeFile(this.layout.body(body))
  }

  /**
   * Behind its head, so that no head is ever without its body; and not before whoever was handed it has had time to open it. Gives how many
   * bytes stay for that, and tells when they do not.
   */
  removeBody(place: DiskPlace, body: string, headGone: Promise<void>, gone: (bytes: number) => void): number {
    const bytes = bytesOnDisk(place.bodyBytes)
    const isRead = this.#clock.now() - place.handedOutAt < GRACE_MS
    if (!isRead || this.#leavingBytes + bytes > this.#maxLeavingBytes) {
      void this.#removeBehind(headGone, body)
      return 0
    }
    this.#leavingBytes += bytes
    this.#clock.schedule(GRACE_MS, () => {
      this.#leavingBytes -= bytes
      gone(bytes)
      void this.#removeBehind(headGone, body)
    })
    return bytes
  }

  async #removeBehind(headGone: Promise<void>, body: string): Promise<void> {
    await headGone
    await removeFile(this.layout.body(body))
  }
}

/** What is not there any more need not be removed. */
async function removeFile(path: string): Promise<void> {
  await unlink(path).catch(() => {})
}

/** Whether that is all that is wrong. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
