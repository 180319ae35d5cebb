/**
 * A plugin's place in a host: it has a name, the version that serves at present, and numbers that outlive versions. Middlewares
 * hold on to the place, so that a swap is one assignment.
 */
import { ConfigError, type PluginError } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import type { HookName } from '../abi/sluice-v1.ts'
import { pluginSwapFailed, pluginSwapped } from '../events.ts'
import type { HookOwner } from '../exchange/hook-runner.ts'
import type { PluginVersion } from '../exchange/plugin-version.ts'
import type { FaultKind } from '../fault.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import type { MetricSnapshot } from '../observe/plugin-metrics.ts'
import type { HookStats } from '../observe/plugin-stats.ts'
import { type BuiltVersion, buildVersion, type VersionSurroundings } from './build-version.ts'

/** A plugin's state as plain data. */
export interface PluginSnapshot {
  readonly name: string
  /** Missing while it loads, or where it could not be loaded. */
  readonly version: string | undefined
  readonly sha256: string | undefined
  readonly failure: 'open' | 'closed'
  readonly breaker: 'closed' | 'open' | 'trial'
  readonly instances: { readonly total: number; readonly free: number }
  readonly isolation: 'inline' | 'worker'
  /** With `isolation: 'worker'`: threads that are ready, the one that stands by included; and those that were lost, for whatever reason. */
  readonly threads: { readonly live: number; readonly lost: number }
  /** Instances made so far, of all versions. */
  readonly instancesMade: number
  /** The largest memory seen, in pages of 64 KiB. */
  readonly maxPages: number
  readonly hooks: Readonly<Partial<Record<HookName, HookStats>>>
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  readonly localReplies: number
  readonly skips: number
  readonly swaps: number
  /** Calls of host functions that were refused for want of a grant. */
  readonly denials: number
  readonly metrics: Readonly<Record<string, MetricSnapshot>>
}

export class PluginSlot {
  readonly name: string
  readonly around: VersionSurroundings
  #current: BuiltVersion | undefined
  #manifest: ResolvedManifest
  #change: Promise<void>
  #tick: ScheduledCall | undefined
  #isClosed = false

  /** Begins to load. */
  constructor(manifest: ResolvedManifest, around: VersionSurroundings) {
    this.name = manifest.name
    this.around = around
    this.#manifest = manifest
    this.#change = this.#install(manifest)
    // Whoever waits for it hears of it; who does not is told by each exchange.
    this.#change.catch(() => {})
  }

  /** Missing until it is loaded. */
  get current(): PluginVersion | undefined {
    return this.#current?.version
  }

  get isolation(): 'inline' | 'worker' {
    return this.#manifest.isolation
  }

  get failure(): 'open' | 'closed' {
    return this.#manifest.failure
  }

  /** Resolves when the last version that was asked for serves; rejects where it was refused. */
  get ready(): Promise<void> {
    return this.#change
  }

  /** Puts another version in place; until it can serve, and where it can't, the one before does. */
  replace(manifest: ResolvedManifest): Promise<void> {
    const before = this.#change
    const change = (async () => {
      await before.catch(() => {})
      await this.#swap(manifest)
    })()
    change.catch(() => {})
    return (this.#change = change)
  }

  /** No exchange comes any more; those under way keep what they have. */
  close(): void {
    this.#isClosed = true
    this.#tick?.cancel()
    const built = this.#current
    this.#current = undefined
    built?.version.retire(built.release)
  }

  snapshot(): PluginSnapshot {
    const { stats, metrics } = this.around
    const { current } = this
    return {
      name: this.name,
      version: current?.services.manifest.version,
      sha256: current?.sha256,
      failure: this.failure,
      breaker: current?.breaker.state ?? 'closed',
      instances: current?.instances ?? { total: 0, free: 0 },
      isolation: this.#manifest.isolation,
      threads: current?.threads ?? { live: 0, lost: 0 },
      instancesMade: stats.instances,
      maxPages: stats.maxPages,
      hooks: stats.hooks,
      faults: stats.faults,
      localReplies: stats.localReplies,
      skips: stats.skips,
      swaps: stats.swaps,
      denials: stats.denials + (current?.services.denials ?? 0),
      metrics: metrics.snapshot(),
    }
  }

  async #swap(manifest: ResolvedManifest): Promise<void> {
    const { clock } = this.around.settings
    const startedAt = clock.now()
    const from = this.current?.services.manifest.version
    try {
      await this.#install(manifest)
    } catch (error) {
      if (pluginSwapFailed.hasSubscribers) pluginSwapFailed.publish({ plugin: this.name, error: error as PluginError })
      throw error
    }
    if (from === undefined) return
    this.around.stats.swaps++
    if (!pluginSwapped.hasSubscribers) return
    pluginSwapped.publish({ plugin: this.name, from, to: manifest.version, durationMs: clock.now() - startedAt })
  }

  async #install(manifest: ResolvedManifest): Promise<void> {
    const built = await buildVersion(manifest, this.around)
    const before = this.#current
    this.#current = built
    this.#manifest = manifest
    if (before !== undefined) {
      this.around.stats.denials += before.version.services.denials
      before.version.retire(before.release)
    }
    if (this.#isClosed) return this.close()
    this.#scheduleTick()
  }

  #scheduleTick(): void {
    this.#tick?.cancel()
    const { hooks, services } = this.current!
    if (!hooks.tick) return
    this.#tick = services.clock.schedule(services.manifest.tickMs, () => void this.#runTick(this.current!))
  }

  async #runTick(version: PluginVersion): Promise<void> {
    const nothing = {
      exchange: undefined,
      reply: undefined,
      state: undefined,
      body: undefined,
      end: undefined,
    } as const
    await version.call(newOwner(), { hook: 'on_tick', ...nothing, writable: -1, bodyKind: -1 })
    if (!this.#isClosed && version === this.current) this.#scheduleTick()
  }
}

function newOwner(): HookOwner {
  const nothing = { state: undefined, result: undefined, carried: undefined }
  return { ...nothing, fault: undefined, localReply: undefined, newBody: undefined }
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` where a version of another plugin is to take its place */
export function assertSameName(manifest: ResolvedManifest, name: string): void {
  if (manifest.name !== name) throw new ConfigError('plugin.name', `is "${manifest.name}", in the place of "${name}"`)
}
