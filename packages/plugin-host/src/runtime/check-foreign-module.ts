/** Whether a module fits an interface of others, and imports nothing else: before any of it runs. */
import type { ForeignInterface } from '../abi/foreign-interface.ts'
import type { HookName } from '../abi/sluice-v1.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import type { ModuleOutline } from '../wasm/inspect-module.ts'
import { abortProblem, assertMemory, misfit, refusedImport, textOf } from './module-problems.ts'

/**
 * Gives the hooks that the module has.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_IMPORT`, `ERR_SLUICE_PLUGIN_ABI`
 */
export function checkForeignModule(
  outline: ModuleOutline,
  manifest: ResolvedManifest,
  { exports, imports }: ForeignInterface,
): ReadonlySet<HookName> {
  for (const wanted of outline.imports) {
    const problem = importProblem(wanted, imports)
    if (problem !== undefined) throw refusedImport(manifest, wanted, problem)
  }
  assertMemory(outline, manifest)
  const hooks = new Set<HookName>()
  for (const each of outline.exports) {
    if (!Object.hasOwn(exports, each.name)) continue
    const { hook, type } = exports[each.name]!
    if (each.kind !== 'function' || textOf(each.type) !== type)
      throw misfit(manifest, `exports ${each.name} as something else than a function ${type}`)
    hooks.add(hook)
  }
  return hooks
}

function importProblem(
  { module, name, ...wanted }: ModuleOutline['imports'][number],
  imports: ForeignInterface['imports'],
): string | undefined {
  if (wanted.kind !== 'function') return `a ${wanted.kind}: only functions are given`
  const type = textOf(wanted.type)
  if (module === 'env' && name === 'abort') return abortProblem(type)
  const functions = Object.hasOwn(imports, module) ? imports[module]! : undefined
  if (functions === undefined) return `but there are no other modules than ${Object.keys(imports).join(', ')}`
  if (!Object.hasOwn(functions, name)) return 'which does not exist'
  const known = functions[name]!
  return type === known ? undefined : `as ${type}; it is ${known}`
}
