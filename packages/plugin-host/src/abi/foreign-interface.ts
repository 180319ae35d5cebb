/**
 * What an interface of others, for which plugins exist already, is to this host: what a module of it exports and may import, and how
 * its calls become hooks. Metering, grants, limits, failure policy and events are those of `sluice:v1`.
 */
import type { Guest } from '../host-functions/guest.ts'
import type { ImportedFunctions } from '../runtime/plugin-runtime.ts'
import type { WasmExports } from '../wasm/engine.ts'
import type { HookName } from './sluice-v1.ts'

/** A hook of an instance, by whatever name the module knows it. */
export type Hook = (first: number, second: number) => number

/** The hooks of an instance. */
export type GuestHooks = Readonly<Partial<Record<HookName, Hook>>>

/** One instance: what it imports, and, when it is made, its hooks. */
export interface BoundGuest {
  readonly imports: ImportedFunctions
  hooks(exports: WasmExports): GuestHooks
}

/** An exported function that is called as a hook. */
export interface ForeignExport {
  readonly hook: HookName
  /** As `(i32, i32) -> i64`. */
  readonly type: string
}

/** Functions that may be imported, and the type of each as in {@link ForeignExport.type}. What they do is granted at each call. */
export type ForeignImports = Readonly<Record<string, string>>

/** The interface. */
export interface ForeignInterface {
  /** By name in the module. */
  readonly exports: Readonly<Record<string, ForeignExport>>
  /** By module and name. */
  readonly imports: Readonly<Record<string, ForeignImports>>
  /** Whether the reply's hook hears of exchanges that failed, then without a reply. */
  readonly hearsErrors: boolean
  bind(guest: Guest): BoundGuest
}

const TYPES: Readonly<Record<string, string>> = { i: 'i32', I: 'i64', f: 'f32', d: 'f64' }

/** Types in short, `iI>i`: parameters, then the result where there is one. */
function functionType(short: string): string {
  const [parameters = '', result = ''] = short.split('>')
  const list = parameters.split('').map((each) => TYPES[each])
  return `(${list.join(', ')}) -> ${result === '' ? '()' : TYPES[result]}`
}

/** A table of types in short, written out. */
export function importsOf(table: Readonly<Record<string, string>>): ForeignImports {
  return Object.fromEntries(Object.entries(table).map(([name, short]) => [name, functionType(short)]))
}
