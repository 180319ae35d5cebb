/** Says what a module wants and offers, without running any of it. */
import type { ModuleImport, ModuleReader } from './module-reader.ts'
import type { External, ExternalKind, SizeLimits, TableType } from './module-types.ts'
import { readModule } from './read-module.ts'

/** What a module offers. */
export type ModuleExport = External & { readonly name: string }

/** A module from outside. */
export interface ModuleOutline {
  readonly imports: readonly ModuleImport[]
  readonly exports: readonly ModuleExport[]
  /** Its own and imported ones, in their order. */
  readonly memories: readonly SizeLimits[]
  readonly tables: readonly TableType[]
  /** Names of the custom sections, in their order. */
  readonly customSections: readonly string[]
  /** How many functions it defines itself. */
  readonly functions: number
  /** Whether it has a function that runs when it is instantiated. */
  readonly hasStart: boolean
}

/**
 * Reads what a module imports and exports. It does not look into functions: {@link meterModule} does.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE` for what is no valid module, or uses a proposal that is not taken
 */
export function inspectModule(bytes: Uint8Array): ModuleOutline {
  const module = readModule(bytes)
  return {
    imports: module.imports,
    exports: module.exports.map(({ name, kind, index }) => ({ name, ...externalOf(module, kind, index) })),
    memories: module.memories,
    tables: module.tables,
    customSections: module.sections.flatMap(({ name }) => name ?? []),
    functions: module.bodies.length,
    hasStart: module.start !== undefined,
  }
}

function externalOf(module: ModuleReader, kind: ExternalKind, index: number): External {
  if (kind === 'function') return { kind, type: module.signatureOf(index) }
  if (kind === 'table') return { kind, type: module.tables[index]! }
  if (kind === 'memory') return { kind, type: module.memories[index]! }
  return { kind, type: module.globals[index]! }
}
