import { EXTISM_IMPORTS, EXTISM_MODULE } from '../abi/extism-json.ts'
/** Whether a module fits `sluice:v1`, or another interface, and imports nothing but what its manifest grants: before any of it runs. */
import {
  type Grant,
  HOOK_NAMES,
  HOOK_PARAMETERS,
  HOST_FUNCTIONS,
  HOST_MODULE,
  type HookName,
} from '../abi/sluice-v1.ts'
import { foreignInterface } from '../foreign/foreign-interfaces.ts'
import type { Capabilities } from '../manifest/capabilities.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import type { ModuleOutline } from '../wasm/inspect-module.ts'
import { checkForeignModule } from './check-foreign-module.ts'
import { abortProblem, assertMemory, misfit, refusedImport, textOf } from './module-problems.ts'

const TYPES = { i: 'i32', d: 'f64' } as const

/**
 * Gives the hooks that the module has.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_IMPORT`, `ERR_SLUICE_PLUGIN_ABI`
 */
export function checkModule(outline: ModuleOutline, manifest: ResolvedManifest): ReadonlySet<HookName> {
  const foreign = foreignInterface(manifest.abi)
  if (foreign !== undefined) return checkForeignModule(outline, manifest, foreign)
  for (const wanted of outline.imports) {
    const problem = importProblem(wanted, manifest.capabilities)
    if (problem !== undefined) throw refusedImport(manifest, wanted, problem)
  }
  assertMemory(outline, manifest)
  const hooks = new Set<HookName>()
  for (const each of outline.exports) {
    const { name } = each
    if (!isHook(name)) continue
    if (each.kind !== 'function' || textOf(each.type) !== hookType(name))
      throw misfit(manifest, `exports ${name} as something else than a function ${hookType(name)}`)
    hooks.add(name)
  }
  return hooks
}

function importProblem(
  { module, name, ...wanted }: ModuleOutline['imports'][number],
  capabilities: Capabilities,
): string | undefined {
  if (wanted.kind !== 'function') return `a ${wanted.kind}: only functions are given`
  const type = textOf(wanted.type)
  if (module === 'env' && name === 'abort') return abortProblem(type)
  if (module === EXTISM_MODULE) {
    if (!Object.hasOwn(EXTISM_IMPORTS, name)) return 'which does not exist'
    return type === EXTISM_IMPORTS[name] ? undefined : `as ${type}; it is ${EXTISM_IMPORTS[name]}`
  }
  if (module !== HOST_MODULE) return `but "${HOST_MODULE}" and "${EXTISM_MODULE}" are the only modules there are`
  if (!Object.hasOwn(HOST_FUNCTIONS, name)) return 'which does not exist'
  const { parameters, result, grant } = HOST_FUNCTIONS[name as keyof typeof HOST_FUNCTIONS]
  const known = `(${parameters.map((type) => TYPES[type]).join(', ')}) -> ${TYPES[result]}`
  if (type !== known) return `as ${type}; it is ${known}`
  return isGranted(grant, capabilities) ? undefined : `which needs capabilities.${grant}`
}

function isGranted(grant: Grant, capabilities: Capabilities): boolean {
  switch (grant) {
    case 'none':
      return true
    case 'respond':
      return capabilities.respond
    case 'kv':
      return capabilities.kv !== undefined
    case 'http':
      return capabilities.http !== undefined
    case 'metrics':
      return capabilities.maxMetrics > 0
    default:
      return false
  }
}

function isHook(name: string): name is HookName {
  return (HOOK_NAMES as readonly string[]).includes(name)
}

function hookType(hook: HookName): string {
  return `(${Array.from({ length: HOOK_PARAMETERS[hook] }, () => 'i32').join(', ')}) -> i32`
}
