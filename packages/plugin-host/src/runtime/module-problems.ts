/** What modules of every interface are refused for, in the same words. */
import { PluginError } from '@sluice/core'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import type { ModuleOutline } from '../wasm/inspect-module.ts'
import type { FunctionSignature } from '../wasm/module-types.ts'

/** As `(i32, i32) -> i64`. */
export function textOf({ parameters, results }: FunctionSignature): string {
  return `(${parameters.join(', ')}) -> ${results.length === 1 ? results[0] : `(${results.join(', ')})`}`
}

/** Of `env.abort`, which AssemblyScript imports whatever the interface. */
export function abortProblem(type: string): string | undefined {
  return type === '(i32, i32, i32, i32) -> ()' ? undefined : 'which has another type'
}

export function refusedImport(
  manifest: ResolvedManifest,
  { module, name }: ModuleOutline['imports'][number],
  problem: string,
): PluginError {
  const message = `the module of "${manifest.name}" imports ${module}.${name}, ${problem}`
  return new PluginError('ERR_SLUICE_PLUGIN_IMPORT', { message, plugin: manifest.name })
}

export function misfit(manifest: ResolvedManifest, problem: string): PluginError {
  const message = `the module of "${manifest.name}" ${problem}`
  return new PluginError('ERR_SLUICE_PLUGIN_ABI', { message, plugin: manifest.name })
}

/** @throws {PluginError} `ERR_SLUICE_PLUGIN_ABI` */
export function assertMemory(outline: ModuleOutline, manifest: ResolvedManifest): void {
  const memory = outline.exports.find(({ name }) => name === 'memory')
  if (memory?.kind !== 'memory') throw misfit(manifest, 'exports no memory')
}
