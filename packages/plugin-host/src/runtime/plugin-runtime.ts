/**
 * What the host needs of whatever runs the modules, and no more: so that the engine behind it can be another one, or
 * another version of Extism, without the host noticing.
 */
import type { WasmExports, WasmMemory, WasmModule } from '../wasm/engine.ts'
import type { FuelGauge } from '../wasm/fuel-gauge.ts'

/** Functions that are handed to a module, by module name and field name. */
export type ImportedFunctions = Readonly<Record<string, Readonly<Record<string, HostFunction>>>>

/** Numbers in, and a number out, or none; those of 64 bits are bigints. */
export type HostFunction = (...args: never[]) => number | bigint | void

/** Limits that are built into the compiled code. */
export interface CompileLimits {
  readonly memoryPages: number
}

/** Runs modules. */
export interface PluginRuntime {
  /**
   * Meters and compiles a module that was inspected.
   * @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE`
   */
  compile(bytes: Uint8Array, limits: CompileLimits): Promise<CompiledModule>
  /** A module that another thread has compiled: {@link CompiledModule.code}. */
  adopt(code: WasmModule): CompiledModule
}

/** A module that can be instantiated any number of times. */
export interface CompiledModule {
  /** What another thread can be handed, so that it need not compile it again. */
  readonly code: WasmModule
  /** Whether it imports anything from a module of this name. */
  importsFrom(module: string): boolean
  /** Makes an instance with a memory of its own. Nothing of the guest's runs before {@link RuntimeInstance.start}. */
  instantiate(functions: ImportedFunctions): Promise<RuntimeInstance>
}

/** One instance. */
export interface RuntimeInstance {
  readonly exports: WasmExports
  readonly memory: WasmMemory
  /** Filled before each call. */
  readonly gauge: FuelGauge
  /** Runs what a module wants to run first: its start function, and `_initialize`. Once, with the fuel that there is. */
  start(): void
  /** Frees what the runtime holds beside the memory. */
  close(): Promise<void>
}
