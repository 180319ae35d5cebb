/** Runs modules as they are and metered, and tells what they did. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { engine, type WasmExports, type WasmImports, type WasmMemory } from '../../src/wasm/engine.ts'
import { FuelGauge, MAX_FUEL } from '../../src/wasm/fuel-gauge.ts'
import { meterModule } from '../../src/wasm/meter-module.ts'
import type { MeterOptions } from '../../src/wasm/meter-options.ts'

/** One of the modules of `test/fixtures/wasm`. */
export const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../fixtures/wasm/${name}.wasm`, import.meta.url)))

/** An instance and what can be done with it. */
export class Guest {
  readonly exports: WasmExports
  /** Of a metered one. */
  readonly gauge: FuelGauge | undefined = undefined

  constructor(bytes: Uint8Array, imports: WasmImports = {}, isMetered = true) {
    this.exports = new engine.Instance(new engine.Module(bytes), imports).exports
    if (!isMetered) return
    this.gauge = new FuelGauge(this.exports)
    this.gauge.fill(MAX_FUEL)
    this.gauge.start()
  }

  /** The same module, metered. */
  static metered(bytes: Uint8Array, options: Partial<MeterOptions> = {}, imports: WasmImports = {}): Guest {
    return new Guest(meterModule(bytes, { maxPages: 256, ...options }), imports)
  }

  static plain(bytes: Uint8Array, imports: WasmImports = {}): Guest {
    return new Guest(bytes, imports, false)
  }

  get memory(): WasmMemory {
    return this.exports['memory'] as WasmMemory
  }

  /** How many pages it has. */
  get pages(): number {
    return this.memory.buffer.byteLength / 65_536
  }

  /** Calls an export, with as much fuel as there can be unless told otherwise. */
  call(name: string, ...args: readonly (number | bigint)[]): unknown {
    return this.callWith(MAX_FUEL, name, ...args)
  }

  callWith(fuel: number, name: string, ...args: readonly (number | bigint)[]): unknown {
    this.gauge?.fill(fuel)
    return (this.exports[name] as (...args: readonly (number | bigint)[]) => unknown)(...args)
  }

  /** What a call gave, or how it failed. */
  outcome(name: string, ...args: readonly (number | bigint)[]): string {
    try {
      const value = this.call(name, ...args)
      return String(value)
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** What the last call cost, when it was given all there can be. */
  get spent(): number {
    return MAX_FUEL - this.gauge!.left
  }

  /** Puts bytes where the guest has reserved room. */
  place(bytes: Uint8Array): number {
    const place = this.call('reserve', bytes.length) as number
    new Uint8Array(this.memory.buffer).set(bytes, place)
    return place
  }

  /** Changes with every byte of the memory. */
  get fingerprint(): string {
    return createHash('sha1').update(new Uint8Array(this.memory.buffer)).digest('hex')
  }
}
