/** Lifetimes by status, as options give them: one for all, or by code and by class. */
import { ConfigError } from '@sluice/core'

/**
 * A lifetime in milliseconds for every status, or one for each of some: `{ '200': 60_000, '404': 5_000, '5xx': 0 }`. A code
 * comes before its class.
 */
export type TtlOption = number | Readonly<Record<string, number>>

export type TtlTable = (status: number) => number | undefined

/** Checks and compiles. */
export function ttlTable(option: TtlOption | undefined, at: string): TtlTable {
  if (option === undefined) return () => undefined
  if (typeof option === 'number') {
    const ttl = lifetime(option, at)
    return () => ttl
  }
  if (typeof option !== 'object' || option === null || Array.isArray(option))
    throw new ConfigError(at, 'must be a number of milliseconds, or one by status')
  const table = new Map<string, number>()
  for (const [status, ttl] of Object.entries(option)) {
    if (!/^[2-5](?:\d\d|xx)$/.test(status)) throw new ConfigError(`${at}.${status}`, 'is no status such as 404 or 5xx')
    table.set(status, lifetime(ttl, `${at}.${status}`))
  }
  return (status) => table.get(String(status)) ?? table.get(`${Math.floor(status / 100)}xx`)
}

function lifetime(value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new ConfigError(at, 'must be a number of milliseconds, at least 0')
}
