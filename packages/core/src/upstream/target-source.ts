/** Where targets come from when they are not written down: DNS, a registry, a file. */
import type { Clock } from '@sluice/wire'
import type { Random } from '../proxy-settings.ts'
import type { TargetConfig } from './target.ts'

/** What a source gets from its upstream. */
export interface TargetSourceServices {
  readonly upstream: string
  readonly clock: Clock
  readonly random: Random
  /**
   * These are the targets from now on. Those that stay keep their state, connections and counters; those that are gone finish
   * what they have.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` where one of them is wrong; then nothing has changed
   */
  replace(targets: readonly (string | TargetConfig)[]): void
}

/** A source at work. */
export interface RunningTargetSource {
  /** State as plain data. */
  snapshot?(): unknown
  close(): void
}

/** Stands in the place of the list: `targets: dnsTargets({ ... })`. Starts with its upstream. */
export type TargetSource = (services: TargetSourceServices) => RunningTargetSource
