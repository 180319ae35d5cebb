/** Variables of Extism's kits: of all instances of one version of a plugin, on one thread. Gone with them, and not in the store. */
import { limitFault } from '../fault.ts'

export class ExtismVariables {
  readonly #maxBytes: number
  readonly #values = new Map<string, Uint8Array>()
  #bytes = 0

  /** `maxBytes` is what names and values may take together. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get(name: string): Uint8Array | undefined {
    return this.#values.get(name)
  }

  /** Keeps the array. @throws {PluginError} `ERR_SLUICE_PLUGIN_LIMIT` */
  set(name: string, value: Uint8Array): void {
    const after = this.#bytes - this.#sizeOf(name) + name.length + value.length
    if (after > this.#maxBytes) throw limitFault(`the variables take more than ${this.#maxBytes} bytes`)
    this.#bytes = after
    this.#values.set(name, value)
  }

  delete(name: string): void {
    this.#bytes -= this.#sizeOf(name)
    this.#values.delete(name)
  }

  #sizeOf(name: string): number {
    const value = this.#values.get(name)
    return value === undefined ? 0 : name.length + value.length
  }
}
