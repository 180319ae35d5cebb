/** Options of the disk store, checked and resolved. */
import { resolve } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { flagOption, type OptionNames, strictOption, textOption, wholeOption } from '@sluice/core/options'
import { resolveWriteLimits, type WriteLimits } from '../write-limits.ts'

/** Options of {@link diskStore}. */
export interface DiskStoreOptions {
  /** A directory of this store's own, for one process; made where it is missing. Everything in it belongs to the store. */
  readonly directory: string
  /**
   * How many bytes its files take at most, each counted in whole blocks of 4 KiB; those that are being written, too. What a client
   * still reads while it is removed is given back when that is done. At least 1 MiB. @default 1_073_741_824
   */
  readonly maxBytes?: number
  /** The largest body that is kept, in bytes; at most half of `maxBytes`. @default an eighth of `maxBytes` */
  readonly maxEntryBytes?: number
  /** How many bytes may wait to be written. Beyond it responses are not kept. @default 33_554_432 */
  readonly maxPendingBytes?: number
  /**
   * How many bytes of memory the index of what is on disk may take; beyond it entries leave, as they do beyond `maxBytes`. One with a short URL
   * takes some 500 bytes. At least 64 KiB. @default a quarter of V8's heap limit
   */
  readonly maxIndexBytes?: number
  /**
   * Whether files are synced before they take their place. Without it, a process that is killed loses nothing either, and never
   * serves anything torn; a machine that loses power may find some of the last entries damaged, and drops them. @default false
   */
  readonly sync?: boolean
}

const NAMES: OptionNames<DiskStoreOptions> = {
  directory: true,
  maxBytes: true,
  maxEntryBytes: true,
  maxPendingBytes: true,
  maxIndexBytes: true,
  sync: true,
}

/** The same, complete. */
export interface DiskPlan extends WriteLimits {
  readonly directory: string
  readonly maxBytes: number
  readonly maxIndexBytes: number
  readonly sync: boolean
}

const MIB = 1024 * 1024
const MIN_INDEX_BYTES = 64 * 1024
const HEAP_SHARE = 0.25

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveDiskOptions(options: DiskStoreOptions): DiskPlan {
  const at = 'diskStore'
  const directory = resolve(textOption(strictOption(options, NAMES, at).directory, `${at}.directory`))
  const maxBytes = wholeOption(options.maxBytes, 1024 * MIB, `${at}.maxBytes`, MIB)
  const [eighth, half] = [Math.floor(maxBytes / 8), Math.floor(maxBytes / 2)]
  return Object.freeze({
    directory,
    maxBytes,
    maxIndexBytes: wholeOption(options.maxIndexBytes, heapShare(), `${at}.maxIndexBytes`, MIN_INDEX_BYTES),
    ...resolveWriteLimits(options, at, eighth, half),
    sync: flagOption(options.sync, false, `${at}.sync`),
  })
}

function heapShare(): number {
  return Math.floor(getHeapStatistics().heap_size_limit * HEAP_SHARE)
}
