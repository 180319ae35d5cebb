/** Counts in the memory of this process: nothing to wait for, and nobody else who knows of it. */
import { type OptionNames, strictOption, wholeOption } from '@sluice/core/options'
import type { Policy } from '../policy/policy.ts'
import type { LimitAccount, QuotaAccount, QuotaRule, RateLimitStore } from '../store/store.ts'
import { LimitTable } from './limit-table.ts'
import { QuotaTable } from './quota-table.ts'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * How many keys each policy counts apart. Memory for them is set aside when the proxy is built: 24 bytes a key for a bucket,
   * 12 for each further one with the same key, more for sliding windows. Beyond it only keys that owe nothing are forgotten;
   * while there are none, new ones share 1,024 places. @default 100_000
   */
  readonly maxKeys?: number
}

const NAMES: OptionNames<MemoryStoreOptions> = {
  maxKeys: true,
}

export const DEFAULT_MAX_KEYS = 100_000
/** A larger table would have more entries than a typed array's index can reach quickly. */
export const MAX_KEYS = 50_000_000

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function memoryStore(options: MemoryStoreOptions = {}): RateLimitStore {
  strictOption(options, NAMES, 'memoryStore')
  const maxKeys = wholeOption(options.maxKeys, DEFAULT_MAX_KEYS, 'memoryStore.maxKeys', 1, MAX_KEYS)
  return {
    kind: 'memory',
    openLimits: (policies: readonly Policy[]): LimitAccount => new LimitTable(policies, maxKeys),
    openQuota: (rule: QuotaRule): QuotaAccount => new QuotaTable(rule),
  }
}
