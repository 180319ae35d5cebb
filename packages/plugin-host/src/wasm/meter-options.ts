/** What a metered module may take. */
import { ConfigError } from '@sluice/core'

/** Limits that become part of the module. */
export interface MeterOptions {
  /** To how many pages of 64 KiB its memory may grow, 1 to 65,536. A module that begins with more is refused. */
  readonly maxPages: number
  /**
   * To how many entries each of its tables may grow. A module whose tables begin with more, all together, is refused.
   * @default 16_384
   */
  readonly maxTableEntries?: number
  /**
   * What a call of the host costs beside the instruction. It pays for the way there and back and a little work; a host
   * function whose work grows with a length charges that itself ({@link FuelGauge.charge}).
   * @default 100
   */
  readonly hostCallFuel?: number
  /**
   * How much of the stack its calls may take, in bytes. The rest of the engine's stack (984 KiB in Node) is left for
   * the host functions that it calls.
   * @default 524_288
   */
  readonly stackBytes?: number
}

/** The same, complete. */
export type ResolvedMeterOptions = Readonly<Required<MeterOptions>>

/** The defaults, and what each may be. */
const RANGES = {
  maxPages: { least: 1, most: 65_536, otherwise: undefined },
  maxTableEntries: { least: 0, most: 10_000_000, otherwise: 16_384 },
  hostCallFuel: { least: 0, most: 1_000_000, otherwise: 100 },
  stackBytes: { least: 1_024, most: 2 ** 30, otherwise: 512 * 1_024 },
} as const

/** @throws {ConfigError} with the option's name for a value out of its range */
export function resolveMeterOptions(options: MeterOptions): ResolvedMeterOptions {
  return {
    maxPages: check('maxPages', options.maxPages),
    maxTableEntries: check('maxTableEntries', options.maxTableEntries),
    hostCallFuel: check('hostCallFuel', options.hostCallFuel),
    stackBytes: check('stackBytes', options.stackBytes),
  }
}

function check(name: keyof typeof RANGES, given: number | undefined): number {
  const { least, most, otherwise } = RANGES[name]
  const value = given ?? otherwise
  if (value === undefined || !Number.isInteger(value) || value < least || value > most)
    throw new ConfigError(name, `expected a whole number from ${least} to ${most}, found ${value}`)
  return value
}
