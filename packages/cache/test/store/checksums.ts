/**
 * Operations at random on stores that hold the same: each body has its checksum and its URL in its head, and whatever is found has to be what they
 * say. A body that breaks off is no answer; it is counted.
 */
import { hash } from 'node:crypto'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { seededRandom } from '@sluice/testing'
import type { CacheStore, StoredEntry } from '../../src/index.ts'
import { bodyOf, headOf, write } from './set-up.ts'

export interface ChecksumOptions {
  readonly operations: number
  /** How many are under way at once. */
  readonly workers: number
  readonly maxBodyBytes: number
  readonly keys: number
  readonly expiresAt: number
  readonly seed: number
}

export interface ChecksumReport {
  /** Bodies that were found whole, and right. */
  right: number
  wrong: number
  broken: number
  missing: number
  /** Found though a purge that came after it was written had ended before. */
  purged: number
}

export async function checksums(stores: readonly CacheStore[], options: ChecksumOptions): Promise<ChecksumReport> {
  const report: ChecksumReport = { right: 0, wrong: 0, broken: 0, missing: 0, purged: 0 }
  const random = seededRandom(options.seed)
  const dice = (sides: number): number => Math.floor(random() * sides)
  let operation = 0
  /** For each URL: what was written before this operation has been purged, in the store that the purge went through. */
  const purgedBefore = new Map<string, number>()

  const look = async (store: CacheStore, key: string): Promise<void> => {
    const purged = purgedBefore.get(`${stores.indexOf(store)} ${key}`) ?? 0
    const entry = await store.get(key)
    if (entry === undefined) report.missing++
    else if ((entry.head.notes.operation as number) < purged) report.purged++
    else await read(entry, key)
  }
  const read = async (entry: StoredEntry, key: string): Promise<void> => {
    let body: Buffer
    try {
      body = await bodyOf(entry)
    } catch {
      report.broken++
      return
    }
    const isRight = entry.head.url === key && hash('sha256', body) === entry.head.notes.sum
    if (isRight) report.right++
    else report.wrong++
  }
  const put = (store: CacheStore, key: string, number: number): void => {
    const body = Buffer.alloc(
      dice(dice(8) === 0 ? options.maxBodyBytes : options.maxBodyBytes / 20),
      `${key} ${number} `,
    )
    const notes = { sum: hash('sha256', body), operation: number }
    const head = headOf({
      id: `${options.seed}-${number}`,
      url: key,
      notes,
      expiresAt: options.expiresAt,
      tags: [`t${number % 9}`],
    })
    write(store, key, head, body, 1 + dice(options.maxBodyBytes))
  }
  const purge = async (store: CacheStore, key: string, number: number): Promise<void> => {
    // One that could not be done says so.
    if ((await store.purge({ url: key })) < 0) return
    const place = `${stores.indexOf(store)} ${key}`
    purgedBefore.set(place, Math.max(number, purgedBefore.get(place) ?? 0))
  }
  const worker = async (): Promise<void> => {
    while (operation < options.operations) {
      const number = operation++
      const store = stores[dice(stores.length)]!
      const key = `https://example.com/${dice(options.keys)}`
      const what = dice(40)
      if (what === 0) await purge(store, key, number)
      else if (what === 1) await store.purge({ tags: [`t${dice(9)}`] }, { soft: true })
      else if (what === 2) store.delete(key)
      else if (what < 14) put(store, key, number)
      else await look(store, key)
      if (number % 50 === 0) await eventLoopTurn()
    }
  }
  await Promise.all(Array.from({ length: options.workers }, worker))
  return report
}
