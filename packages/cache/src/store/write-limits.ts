/** What stores outside of memory have in common: how large an entry may be, and how much may wait to be written. */
import { wholeOption } from '@sluice/core/options'

/** Options of both. */
export interface WriteLimitOptions {
  readonly maxEntryBytes?: number
  readonly maxPendingBytes?: number
}

/** The same, complete. */
export interface WriteLimits {
  readonly maxEntryBytes: number
  readonly maxPendingBytes: number
}

const DEFAULT_PENDING_BYTES = 33_554_432

/** @throws {ConfigError} `ERR_SLUICE_CONFIG`; `at` is the path of the options */
export function resolveWriteLimits(
  options: WriteLimitOptions,
  at: string,
  defaultEntryBytes: number,
  largestEntryBytes?: number,
): WriteLimits {
  const { maxEntryBytes, maxPendingBytes } = options
  return {
    maxEntryBytes: wholeOption(maxEntryBytes, defaultEntryBytes, `${at}.maxEntryBytes`, 1, largestEntryBytes),
    maxPendingBytes: wholeOption(maxPendingBytes, DEFAULT_PENDING_BYTES, `${at}.maxPendingBytes`, 1),
  }
}

/** Bytes that wait to be written, up to a bound. */
export class PendingBytes {
  readonly #max: number
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  get count(): number {
    return this.#count
  }

  /** `false` where there is no room for so many more. */
  reserve(bytes: number): boolean {
    if (this.#count + bytes > this.#max) return false
    this.#count += bytes
    return true
  }

  release(bytes: number): void {
    this.#count -= bytes
  }
}
