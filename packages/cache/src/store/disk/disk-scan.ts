/**
 * Finds out what a store left in its directory the last time: reads the record of each head, and removes what nobody knows: heads that
 * were never finished, and bodies that no head speaks of.
 */
import { open, readdir, stat, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isMissing } from './disk-files.ts'
import type { DiskLayout } from './disk-layout.ts'
import { decodeHead, type HeadRecord, MIN_HEAD_BYTES, recordEnd } from './head-file.ts'

/** What the scan tells of. */
export interface ScanTaker {
  readonly isClosed: boolean
  /** A head that is whole, with the size of its file; its body is there, and as long as it should be. */
  found(name: string, record: HeadRecord, fileBytes: number): void
  /** It was damaged, or another has taken its place while it was read; with its record, where that is whole. */
  damaged(name: string, record: HeadRecord | undefined): void
}

const FIRST_READ_BYTES = 4_096
/** So many are read at once: the pool of threads has others to serve. */
const AT_ONCE = 2

/** Removes what was never finished, and lists the bodies: before anything is written, so that all of them are old. */
export async function oldBodies(layout: DiskLayout): Promise<Set<string>> {
  const bodies = new Set<string>()
  for (const folder of layout.bodyFolders) for (const name of await readdir(folder)) bodies.add(name)
  await inTurn(await readdir(layout.newFolder), async (name) => await remove(join(layout.newFolder, name)))
  return bodies
}

/** @throws where something that is there can't be read: no body is removed then, since it may be that one's. */
export async function scanDirectory(layout: DiskLayout, bodies: Set<string>, taker: ScanTaker): Promise<void> {
  let unread: unknown
  for (const folder of layout.headFolders) {
    if (taker.isClosed) return
    await inTurn(await readdir(folder), async (name) => {
      try {
        await readHead(layout, taker, join(folder, name), bodies)
      } catch (error) {
        unread ??= error
      }
    })
  }
  if (unread !== undefined) throw unread as Error
  // Only now is it known whose they are.
  await inTurn([...bodies], async (name) => await remove(layout.body(name)))
}

async function readHead(layout: DiskLayout, taker: ScanTaker, path: string, bodies: Set<string>): Promise<void> {
  if (taker.isClosed) return
  const name = basename(path)
  const read = await readRecord(path)
  if (read === 'gone') return
  const isWhole = read !== undefined && (await hasBody(layout, read.record))
  if (read !== undefined && read.record.body !== undefined && isWhole) bodies.delete(read.record.body)
  if (isWhole) return taker.found(name, read.record, read.fileBytes)
  taker.damaged(name, read?.record)
}

/** The record alone: a body that stands with it is checked when it is asked for. */
async function readRecord(path: string): Promise<{ record: HeadRecord; fileBytes: number } | 'gone' | undefined> {
  try {
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      if (size < MIN_HEAD_BYTES) return undefined
      let bytes = Buffer.alloc(Math.min(size, FIRST_READ_BYTES))
      await handle.read(bytes, 0, bytes.length, 0)
      const end = recordEnd(bytes)
      if (end > size) return undefined
      if (end > bytes.length) {
        bytes = Buffer.alloc(end)
        await handle.read(bytes, 0, end, 0)
      }
      const file = decodeHead(bytes)
      return file === undefined ? undefined : { record: file.record, fileBytes: size }
    } finally {
      await handle.close()
    }
  } catch (error) {
    // Since the folder was read. All else says nothing about what is in it.
    if (isMissing(error)) return 'gone'
    throw error
  }
}

async function hasBody(layout: DiskLayout, { body, bodyBytes }: HeadRecord): Promise<boolean> {
  if (body === undefined) return true
  try {
    return (await stat(layout.body(body))).size === bodyBytes
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => {})
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}
