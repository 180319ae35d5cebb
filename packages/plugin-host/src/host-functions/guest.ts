import { type Exchange, PluginError, type Random } from '@sluice/core'
/** One instance of a plugin as its host functions see it. */
import type { Clock } from '@sluice/wire'
import type { GuestMemory } from '../abi/guest-memory.ts'
import type { NameGrant } from '../abi/header-names.ts'
import type { NameCache } from '../abi/name-cache.ts'
import { DENIED } from '../abi/sluice-v1.ts'
import type { HookCall } from '../exchange/hook-call.ts'
import type { ExtismVariables } from '../foreign/extism-variables.ts'
import type { HttpAccess } from '../http/plugin-http.ts'
import type { KvAccess } from '../kv/plugin-kv.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import type { MetricSink } from '../observe/plugin-metrics.ts'
import type { RuntimeInstance } from '../runtime/plugin-runtime.ts'

/** Of what a guest logs. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** By the number that a guest says. */
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

/** What all instances of a plugin share. */
export interface PluginServices {
  readonly manifest: ResolvedManifest
  readonly clock: Clock
  readonly random: Random
  /** Missing where it is not granted. */
  readonly kv: KvAccess | undefined
  /** Missing where it is not granted. */
  readonly http: HttpAccess | undefined
  readonly metrics: MetricSink
  readonly variables: ExtismVariables
  readonly log: (level: LogLevel, message: string, by: LogSource) => void
  /** Calls that were answered with {@link DENIED}. */
  denials: number
}

/** Whose line it is: a {@link Guest}. */
export interface LogSource {
  readonly services: { readonly manifest: ResolvedManifest }
  readonly call: { readonly exchange: Exchange | undefined }
}

/** What host functions are made for. */
export class Guest {
  readonly services: PluginServices
  readonly memory: GuestMemory
  readonly names: NameCache<NameGrant>
  readonly call: HookCall
  #instance: RuntimeInstance | undefined = undefined

  constructor(services: PluginServices, memory: GuestMemory, names: NameCache<NameGrant>, call: HookCall) {
    this.services = services
    this.memory = memory
    this.names = names
    this.call = call
  }

  /** The instance, once there is one. */
  attach(instance: RuntimeInstance): void {
    this.#instance = instance
    this.memory.attach(instance.memory)
  }

  /**
   * Takes fuel for bytes that are about to be copied.
   * @throws {PluginError} `ERR_SLUICE_PLUGIN_FUEL`, where there is not so much: before the work, not after
   */
  charge(bytes: number): void {
    if (bytes >= FREE_BYTES) this.spend(bytes >>> BYTES_PER_FUEL_SHIFT)
  }

  /** Takes fuel for what costs more than the fixed price of a call. Throws as {@link charge} does. */
  spend(fuel: number): void {
    if (this.#instance?.gauge.charge(fuel) === false)
      throw new PluginError('ERR_SLUICE_PLUGIN_FUEL', { message: 'the fuel of a call is used up' })
  }

  /** Counts a refusal. */
  denied(): typeof DENIED {
    this.services.denials++
    return DENIED
  }
}

/** What some functions cost beside the fixed price, in instructions: some 2.5 ns each. */
export const PRICE: Readonly<Record<'store' | 'line' | 'head' | 'call', number>> = {
  store: 200,
  line: 500,
  head: 500,
  call: 4_000,
}

/** Up to here the fixed price covers it: setting the fuel costs more than the copy. */
const FREE_BYTES = 4_096
/** A core copies some 10 bytes in the time of an instruction. */
const BYTES_PER_FUEL_SHIFT = 3
