/**
 * One plugin in a route, with a host of its own: for whoever needs no more than that. Several plugins that share keys and
 * values, or are swapped by name, belong in {@link createPluginHost}.
 *
 *     route.use(plugin('plugins/headers/plugin.yaml')).forward(upstream)
 */
import type { Has, Middleware, Slot } from '@sluice/core'
import { type PluginHostOptions, resolveHostOptions } from './host/host-options.ts'
import { Host, PUBLISHING } from './host/plugin-host.ts'
import {
  type PluginMiddleware,
  pluginMiddleware,
  type PluginOptions,
  type PluginResult,
  RESULT_OPTIONS,
} from './host/plugin-middleware.ts'
import type { PluginManifest } from './manifest/manifest.ts'
import { resolveManifest } from './manifest/resolve-manifest.ts'

/** The middleware, with its host. */
export interface OwnPluginMiddleware extends PluginMiddleware {
  /** Puts another version in place; see `PluginHost.replace`. */
  replace(manifest: PluginManifest | string): Promise<void>
  /** Ends the plugin and frees its instances. */
  close(): Promise<void>
}

/**
 * Makes the middleware. The manifest, or the path of a file that holds one, is checked at once; the module is loaded in the background, and
 * exchanges that come before wait for it. Await `ready` to be told where it can't be.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, with the option's path
 */
export function plugin(
  manifest: PluginManifest | string,
  options?: PluginOptions & PluginHostOptions,
): OwnPluginMiddleware
export function plugin<const Name extends string, T>(
  manifest: PluginManifest | string,
  options: PluginResult<Name, T> & PluginHostOptions,
): OwnPluginMiddleware & Middleware<unknown, Has<Slot<Name, T>>>
export function plugin<const Name extends string, T>(
  manifest: PluginManifest | string,
  options: (PluginOptions | PluginResult<Name, T>) & PluginHostOptions = {},
): OwnPluginMiddleware & Middleware<unknown, Has<Slot<Name, T>>> {
  const resolved = resolveManifest(manifest)
  const host = new Host(resolveHostOptions(options, RESULT_OPTIONS), PUBLISHING)
  const middleware = pluginMiddleware(host.begin(resolved), options)
  return Object.defineProperties(middleware, {
    replace: { value: (next: PluginManifest | string) => host.replace(resolved.name, next) },
    close: { value: () => host.close() },
  }) as OwnPluginMiddleware & Middleware<unknown, Has<Slot<Name, T>>>
}
