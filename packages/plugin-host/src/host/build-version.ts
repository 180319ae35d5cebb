/**
 * From a manifest to a version that serves: read, checked, compiled, tried, opened. Whatever fails on the way fails here, and
 * leaves nothing behind.
 */
import { PluginError } from '@sluice/core'
import { hooksOf } from '../exchange/plugin-hooks.ts'
import { PluginVersion } from '../exchange/plugin-version.ts'
import { ExtismVariables } from '../foreign/extism-variables.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import { PluginHttp } from '../http/plugin-http.ts'
import { PluginKv } from '../kv/plugin-kv.ts'
import { loadSource } from '../manifest/load-source.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import type { PluginMetrics } from '../observe/plugin-metrics.ts'
import type { PluginStats } from '../observe/plugin-stats.ts'
import { type VersionObserver, VersionReports } from '../observe/version-reports.ts'
import { checkModule } from '../runtime/check-module.ts'
import type { ModuleCache } from '../runtime/module-cache.ts'
import { inspectModule } from '../wasm/inspect-module.ts'
import type { HostSettings } from './host-options.ts'
import { newRunner } from './new-runner.ts'
import { selfTest } from './self-test.ts'

/** What stays when versions change. */
export interface VersionSurroundings {
  readonly settings: HostSettings
  readonly modules: ModuleCache
  readonly metrics: PluginMetrics
  readonly stats: PluginStats
  readonly observer: VersionObserver
  readonly log: PluginServices['log']
}

/** A version and how its module is let go. */
export interface BuiltVersion {
  readonly version: PluginVersion
  readonly release: () => void
}

/**
 * Builds a version.
 * @throws {PluginError} any of those of loading: see docs/errors.md
 */
export async function buildVersion(manifest: ResolvedManifest, around: VersionSurroundings): Promise<BuiltVersion> {
  try {
    return await build(manifest, around)
  } catch (error) {
    if (!(error instanceof PluginError) || error.plugin !== undefined) throw error
    // What looks at bytes does not know whose they are.
    const { message } = error
    throw new PluginError(error.code, {
      message: `"${manifest.name}": ${message}`,
      cause: error,
      plugin: manifest.name,
    })
  }
}

async function build(manifest: ResolvedManifest, around: VersionSurroundings): Promise<BuiltVersion> {
  const { bytes, sha256 } = await loadSource(manifest)
  const hooks = hooksOf(manifest, checkModule(inspectModule(bytes), manifest))
  const { module, release } = await around.modules.get(bytes, sha256, manifest.limits)
  try {
    await selfTest({ manifest, module, hooks, sha256, settings: around.settings })
    const reports = new VersionReports(manifest, around.stats, around.observer)
    const services = servicesOf(manifest, around)
    const runner = newRunner({ services, module, metrics: () => around.metrics.snapshot(), isTrial: false })
    const version = new PluginVersion({ services, hooks, reports, sha256, newRunner: runner })
    await version.open()
    return { version, release }
  } catch (error) {
    release()
    throw error
  }
}

function servicesOf(manifest: ResolvedManifest, { settings, metrics, log }: VersionSurroundings): PluginServices {
  const { clock, random, kv, http } = settings
  const { capabilities } = manifest
  metrics.maxNames = capabilities.maxMetrics
  return {
    manifest,
    clock,
    random,
    kv: capabilities.kv && new PluginKv(kv, clock, manifest.name, capabilities.kv),
    http: capabilities.http && new PluginHttp(http, clock, capabilities.http),
    metrics,
    variables: new ExtismVariables(manifest.limits.stateBytes),
    log,
    denials: 0,
  }
}
