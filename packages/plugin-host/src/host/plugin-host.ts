/**
 * Plugins that share a store, a network and their compiled modules, and can be swapped while exchanges are under way.
 *
 *     const host = createPluginHost()
 *     await host.load('plugins/waf/plugin.yaml')
 *     const proxy = createProxy().use(host.plugin('waf')).forward(upstream)
 *     await host.replace('waf', 'plugins/waf-2/plugin.yaml')
 */
import { ConfigError, type Has, type Middleware, type Slot } from '@sluice/core'
import { strictOption } from '@sluice/core/options'
import { pluginBreakerChanged, pluginCallEnded, pluginFaulted, pluginLogged } from '../events.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { PluginManifest } from '../manifest/manifest.ts'
import { resolveManifest, type ResolvedManifest } from '../manifest/resolve-manifest.ts'
import { PluginMetrics } from '../observe/plugin-metrics.ts'
import { PluginStats } from '../observe/plugin-stats.ts'
import type { VersionObserver } from '../observe/version-reports.ts'
import { extismRuntime } from '../runtime/extism-runtime.ts'
import { ModuleCache } from '../runtime/module-cache.ts'
import { type HostSettings, type PluginHostOptions, resolveHostOptions } from './host-options.ts'
import {
  type PluginMiddleware,
  pluginMiddleware,
  type PluginOptions,
  type PluginResult,
  RESULT_OPTIONS,
} from './plugin-middleware.ts'
import { assertSameName, type PluginSlot as Place, PluginSlot, type PluginSnapshot } from './plugin-slot.ts'

/** A host. */
export interface PluginHost {
  /**
   * Loads a plugin: a manifest, or the path of a file that holds one.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`, and {@link PluginError}s of loading; nothing is left of it then
   */
  load(manifest: PluginManifest | string): Promise<void>
  /**
   * A middleware of a plugin that is loaded, or is being loaded, by its name.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`, where there is none
   */
  plugin(name: string, options?: PluginOptions): PluginMiddleware
  plugin<const Name extends string, T>(
    name: string,
    options: PluginResult<Name, T>,
  ): PluginMiddleware & Middleware<unknown, Has<Slot<Name, T>>>
  /**
   * Puts another version of a plugin in the place of the one that serves: loaded, started and tried before, in one step. Exchanges under
   * way end with the version that they began with. Where it rejects, that one serves on.
   * @throws as {@link load}
   */
  replace(name: string, manifest: PluginManifest | string): Promise<void>
  /** Ends a plugin. Its middlewares let everything pass from then on, or nothing: by its `failure`. */
  unload(name: string): void
  /** Every plugin's state as plain data. */
  snapshot(): readonly PluginSnapshot[]
  /** Ends all plugins and frees what the host holds. */
  close(): Promise<void>
}

/**
 * Makes a host.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function createPluginHost(options: PluginHostOptions = {}): PluginHost {
  return new Host(resolveHostOptions(options), PUBLISHING)
}

/** @internal Tells whoever listens. */
export const PUBLISHING: VersionObserver = {
  isPublic: true,
  get wantsCalls() {
    return pluginCallEnded.hasSubscribers
  },
  called: (event) => pluginCallEnded.publish(event),
  faulted: (event) => {
    if (pluginFaulted.hasSubscribers) pluginFaulted.publish(event)
  },
  breakerChanged: (event) => {
    if (pluginBreakerChanged.hasSubscribers) pluginBreakerChanged.publish(event)
  },
}

/** @internal With an observer of its own, for the harness. */
export class Host implements PluginHost {
  readonly #settings: HostSettings
  readonly #observer: VersionObserver
  readonly #modules = new ModuleCache(extismRuntime)
  readonly #places = new Map<string, Place>()

  constructor(settings: HostSettings, observer: VersionObserver) {
    this.#settings = settings
    this.#observer = observer
  }

  /** How many modules are compiled at the moment. */
  get compiledModules(): number {
    return this.#modules.size
  }

  async load(manifest: PluginManifest | string): Promise<void> {
    const place = this.begin(resolveManifest(manifest))
    try {
      await place.ready
    } catch (error) {
      this.unload(place.name)
      throw error
    }
  }

  plugin<const Name extends string, T>(
    name: string,
    options: PluginOptions | PluginResult<Name, T> = {},
  ): PluginMiddleware & Middleware<unknown, Has<Slot<Name, T>>> {
    const place = this.#placeOf(name)
    strictOption<object>(options, RESULT_OPTIONS, 'plugin')
    return pluginMiddleware(place, options)
  }

  async replace(name: string, manifest: PluginManifest | string): Promise<void> {
    const place = this.#placeOf(name)
    const resolved = resolveManifest(manifest)
    assertSameName(resolved, name)
    await place.replace(resolved)
  }

  unload(name: string): void {
    this.#placeOf(name).close()
    this.#places.delete(name)
  }

  snapshot(): readonly PluginSnapshot[] {
    return [...this.#places.values()].map((place) => place.snapshot())
  }

  async close(): Promise<void> {
    for (const name of this.#places.keys()) this.unload(name)
    await this.#settings.http.close()
  }

  /** Begins to load, and gives the place at once. */
  begin(manifest: ResolvedManifest): Place {
    const { name } = manifest
    if (this.#places.has(name)) throw new ConfigError('plugin.name', `"${name}" is loaded already: use replace()`)
    const place = new PluginSlot(manifest, {
      settings: this.#settings,
      modules: this.#modules,
      metrics: new PluginMetrics(name),
      stats: new PluginStats(),
      observer: this.#observer,
      log: this.#log,
    })
    this.#places.set(name, place)
    return place
  }

  #placeOf(name: string): Place {
    const place = this.#places.get(name)
    if (place !== undefined) return place
    const names = [...this.#places.keys()].join(', ') || 'none'
    throw new ConfigError('plugin', `no plugin "${name}" is loaded; there is: ${names}`)
  }

  readonly #log: PluginServices['log'] = (level, message, { call, services }) => {
    const { onLog } = this.#settings
    if (onLog === undefined && !pluginLogged.hasSubscribers) return
    const { name: plugin, version } = services.manifest
    const entry = { plugin, version, level, message, exchange: call.exchange }
    if (pluginLogged.hasSubscribers) pluginLogged.publish(entry)
    onLog?.(entry)
  }
}
