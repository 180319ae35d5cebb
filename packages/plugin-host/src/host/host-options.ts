/** Options of a host, resolved. */
import { ConfigError, type Random } from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'
import { type Clock, systemClock } from '@sluice/wire'
import type { PluginLogEvent } from '../events.ts'
import type { OutboundSender } from '../http/outbound.ts'
import { undiciSender } from '../http/undici-sender.ts'
import type { KvStore } from '../kv/kv-store.ts'
import { memoryKvStore } from '../kv/memory-kv-store.ts'
import { systemRandom } from '../system-random.ts'

/** Options of {@link createPluginHost}. */
export interface PluginHostOptions {
  /** For pauses, ticks, breakers and expiry. @default the machine's */
  readonly clock?: Clock
  /** What `random` fills with. @default Math.random */
  readonly random?: Random
  /** Where plugins keep keys and values. @default one in memory, of this host */
  readonly kv?: KvStore
  /** Who sends what plugins ask for by HTTP. @default undici, with checked addresses */
  readonly http?: OutboundSender
  /** Gets what plugins log. The event `sluice:plugin-host:logged` has the same. */
  readonly onLog?: (entry: PluginLogEvent) => void
}

const NAMES: OptionNames<PluginHostOptions> = {
  clock: true,
  random: true,
  kv: true,
  http: true,
  onLog: true,
}

/** The same, complete. */
export interface HostSettings {
  readonly clock: Clock
  readonly random: Random
  readonly kv: KvStore
  readonly http: OutboundSender
  readonly onLog: ((entry: PluginLogEvent) => void) | undefined
}

/** `others` are names that may stand beside them. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveHostOptions(options: PluginHostOptions, others: readonly string[] = []): HostSettings {
  strictOption(options, [...Object.keys(NAMES), ...others], 'pluginHost')
  for (const name of ['random', 'onLog'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new ConfigError(`pluginHost.${name}`, 'must be a function')
  const clock = options.clock ?? systemClock
  return Object.freeze({
    clock,
    random: options.random ?? systemRandom,
    kv: options.kv ?? memoryKvStore(clock),
    http: options.http ?? undiciSender(),
    onLog: options.onLog,
  })
}
