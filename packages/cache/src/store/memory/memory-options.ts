/** Options of the memory store, checked and resolved. */
import { getHeapStatistics } from 'node:v8'
import { type OptionNames, strictOption, wholeOption } from '@sluice/core/options'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * How many bytes it takes at most, all overhead counted: bodies, heads, keys, tables, indexes, responses that are being written.
   * What is read by clients while it is evicted is theirs, and not counted any more. At least 64 KiB. @default 67_108_864
   */
  readonly maxBytes?: number
  /** The largest entry that is kept, head and body, in bytes; at most half of `maxBytes`. @default an eighth of `maxBytes` */
  readonly maxEntryBytes?: number
}

const NAMES: OptionNames<MemoryStoreOptions> = {
  maxBytes: true,
  maxEntryBytes: true,
}

/** The same, complete. */
export interface MemoryPlan {
  readonly maxBytes: number
  readonly maxEntryBytes: number
  /** How much of it may lie on V8's heap: what is beyond the heap's own limit would end the process. */
  readonly maxHeapBytes: number
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const MIN_BYTES = 64 * 1024
const HEAP_SHARE = 0.5

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveMemoryOptions(options: MemoryStoreOptions): MemoryPlan {
  strictOption(options, NAMES, 'memoryStore')
  const maxBytes = wholeOption(options.maxBytes, DEFAULT_MAX_BYTES, 'memoryStore.maxBytes', MIN_BYTES)
  const half = Math.floor(maxBytes / 2)
  return Object.freeze({
    maxBytes,
    maxEntryBytes: wholeOption(options.maxEntryBytes, Math.floor(maxBytes / 8), 'memoryStore.maxEntryBytes', 1, half),
    maxHeapBytes: Math.floor(getHeapStatistics().heap_size_limit * HEAP_SHARE),
  })
}
