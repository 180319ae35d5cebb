/**
 * Extism's memory beside the guest's, through which input, output, keys and lines go. Guests move eight bytes with each call, so these
 * calls are WebAssembly themselves: the engine goes from one module to the other directly, without a bigint for each. Blocks are what
 * one call allocates; all are gone at the next.
 */
import { utf8Slice, utf8Write } from '../abi/buffer-text.ts'
import type { KernelFunctionName } from '../abi/extism-json.ts'
import { addressFault, limitFault } from '../fault.ts'
import type { HostFunction } from '../runtime/plugin-runtime.ts'
import { engine, type WasmGlobal, type WasmMemory, type WasmModule } from '../wasm/engine.ts'
import { KERNEL_MODULE } from './extism-kernel-module.ts'

/** Address 0 says that there is none. */
const BEGIN = 8
const PAGE_BYTES = 65_536

let kernel: WasmModule | undefined

export class ExtismKernel {
  readonly functions: Readonly<Record<KernelFunctionName, HostFunction>>
  readonly #memory: WasmMemory
  readonly #inputAt: WasmGlobal
  readonly #inputLength: WasmGlobal
  readonly #maxBytes: number
  readonly #lengths = new Map<number, number>()
  #bytes: Buffer
  #next = BEGIN
  #allocated = 0

  /** `maxBytes` is what one call may allocate. */
  constructor(maxBytes: number) {
    const { exports } = new engine.Instance((kernel ??= new engine.Module(KERNEL_MODULE)))
    const { memory, input_at: inputAt, input_size: inputLength, ...functions } = exports
    this.functions = functions as unknown as Readonly<Record<KernelFunctionName, HostFunction>>
    this.#memory = memory as WasmMemory
    this.#inputAt = inputAt as WasmGlobal
    this.#inputLength = inputLength as WasmGlobal
    this.#maxBytes = maxBytes
    this.#bytes = Buffer.from(this.#memory.buffer)
  }

  /** Forgets all blocks, and lays down the input. */
  begin(input: string): void {
    const length = Buffer.byteLength(input)
    utf8Write(this.#bytes, input, this.#layDown(length), length)
  }

  /** The same, with bytes. */
  beginBytes(input: Uint8Array): void {
    this.#bytes.set(input, this.#layDown(input.length))
  }

  #layDown(length: number): number {
    this.#lengths.clear()
    this.#next = BEGIN
    this.#allocated = 0
    const at = this.#place(length)
    this.#inputAt.value = at
    this.#inputLength.value = length
    return at
  }

  /** A new block. @throws {PluginError} `ERR_SLUICE_PLUGIN_LIMIT` */
  allocate(length: number): number {
    this.#allocated += length
    if (this.#allocated > this.#maxBytes) throw limitFault(`a call allocates more than ${this.#maxBytes} bytes`)
    return this.#place(length)
  }

  /** Lets go of a block. Its room is used again at the next call. */
  free(at: number): void {
    this.#lengths.delete(at)
  }

  /** Of a block; 0 where there is none. */
  lengthOf(at: number): number {
    return this.#lengths.get(at) ?? 0
  }

  /** Not to be kept. */
  part(at: number, length: number): Buffer {
    if (at + length > this.#bytes.length) throw addressFault()
    return this.#bytes.subarray(at, at + length)
  }

  /** A block's text. */
  text(at: number, length: number = this.lengthOf(at)): string {
    if (at + length > this.#bytes.length) throw addressFault()
    return utf8Slice(this.#bytes, at, at + length)
  }

  /** Bytes as a new block. */
  store(bytes: Uint8Array): number {
    const at = this.allocate(bytes.length)
    this.#bytes.set(bytes, at)
    return at
  }

  #place(length: number): number {
    const at = this.#next
    // Eight bytes are read and written at a time, up to the last.
    const end = (at + length + 15) & ~7
    if (end > this.#bytes.length) this.#grow(end - this.#bytes.length)
    this.#next = end
    this.#lengths.set(at, length)
    return at
  }

  #grow(bytes: number): void {
    try {
      this.#memory.grow(Math.ceil(bytes / PAGE_BYTES))
    } catch {
      throw limitFault('there is no room for what a call allocates')
    }
    this.#bytes = Buffer.from(this.#memory.buffer)
  }
}
