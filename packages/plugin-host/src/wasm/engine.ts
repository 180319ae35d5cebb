/**
 * The part of the WebAssembly JavaScript interface that this package uses. TypeScript declares it for browsers only, and a
 * library that runs under Node had better not ask its users for the types of a page.
 */

/** A compiled module. */
export type WasmModule = object

/** A global variable that a module exports or imports. */
export interface WasmGlobal<T = number> {
  value: T
}

/** Linear memory. Its buffer is another one after the memory has grown. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** What a module exports, by name. */
export type WasmExports = Readonly<Record<string, unknown>>

/** A module that runs. */
export interface WasmInstance {
  readonly exports: WasmExports
}

/** What a module is given, by module name and field name. */
export type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>

interface WasmEngine {
  readonly Module: (new (bytes: Uint8Array) => WasmModule) & {
    exports(module: WasmModule): { readonly name: string; readonly kind: string }[]
    imports(module: WasmModule): { readonly module: string; readonly name: string; readonly kind: string }[]
    customSections(module: WasmModule, name: string): ArrayBuffer[]
  }
  readonly Instance: new (module: WasmModule, imports?: WasmImports) => WasmInstance
  readonly Global: new <T extends number | bigint>(
    type: { readonly value: 'i32' | 'i64' | 'f32' | 'f64'; readonly mutable?: boolean },
    value: T,
  ) => WasmGlobal<T>
  readonly Memory: new (limits: { initial: number; maximum?: number }) => WasmMemory
  readonly RuntimeError: new (message?: string) => Error
  readonly CompileError: new (message?: string) => Error
  readonly LinkError: new (message?: string) => Error
  validate(bytes: Uint8Array): boolean
  compile(bytes: Uint8Array): Promise<WasmModule>
}

/** The engine: Node's global `WebAssembly`. */
export const engine: WasmEngine = (globalThis as unknown as { readonly WebAssembly: WasmEngine }).WebAssembly
