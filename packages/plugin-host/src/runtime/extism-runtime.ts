/**
 * Modules on Extism's JavaScript SDK, in the foreground. Of what the SDK offers, limits, hashes, allowed hosts and workers
 * are not used: they do not hold what they say (the package's README has the list), and metering, this package's own HTTP and
 * its own check of the hash take their place. Exports are called directly, since `call` moves its data eight bytes at a time.
 */
import type { ExtismPluginOptions } from '@extism/extism'
import { PluginError } from '@sluice/core'
import { engine, type WasmExports, type WasmMemory, type WasmModule } from '../wasm/engine.ts'
import { FuelGauge } from '../wasm/fuel-gauge.ts'
import { meterModule } from '../wasm/meter-module.ts'
import { deferStart, runDeferred } from './defer-start.ts'
import { detachedName, detachHosts } from './detach-hosts.ts'
import { extism } from './load-extism.ts'
import type {
  CompiledModule,
  CompileLimits,
  HostFunction,
  ImportedFunctions,
  PluginRuntime,
  RuntimeInstance,
} from './plugin-runtime.ts'

/** The runtime. It has no state. */
export const extismRuntime: PluginRuntime = {
  async compile(bytes: Uint8Array, { memoryPages }: CompileLimits): Promise<CompiledModule> {
    const metered = meterModule(bytes, { maxPages: memoryPages })
    deferStart(metered)
    detachHosts(metered)
    try {
      return new ExtismModule(await engine.compile(metered))
    } catch (cause) {
      const message = `the plugin's module can not be compiled: ${(cause as Error).message}`
      throw new PluginError('ERR_SLUICE_PLUGIN_MODULE', { message, cause })
    }
  },
  adopt: (code) => new ExtismModule(code),
}

class ExtismModule implements CompiledModule {
  readonly code: WasmModule
  readonly #imported: ReadonlySet<string>

  constructor(code: WasmModule) {
    this.code = code
    this.#imported = new Set(engine.Module.imports(code).map(({ module }) => module))
  }

  importsFrom(module: string): boolean {
    return this.#imported.has(detachedName(module))
  }

  async instantiate(functions: ImportedFunctions): Promise<RuntimeInstance> {
    const plugin = await extism().createPlugin(
      { wasm: [{ module: this.code as never, name: 'main' }] },
      { useWasi: false, runInWorker: false, logLevel: 'silent', functions: unbound(functions) },
    )
    const exports = (await plugin.getInstance()).exports as WasmExports
    const gauge = new FuelGauge(exports)
    return {
      exports,
      memory: exports['memory'] as WasmMemory,
      gauge,
      start: () => {
        gauge.start()
        runDeferred(exports)
      },
      close: () => plugin.close(),
    }
  }
}

/**
 * Extism binds each function to its call context, which none of these wants, and a bound function makes each call of the
 * host three times as slow. So each binds to itself.
 */
function unbound(functions: ImportedFunctions): ExtismPluginOptions['functions'] {
  const modules = Object.entries(functions).map(([module, fields]) => [
    detachedName(module),
    Object.fromEntries(Object.entries(fields).map(([name, call]) => [name, bindingItself(call)])),
  ])
  return Object.fromEntries(modules) as ExtismPluginOptions['functions']
}

function bindingItself(call: HostFunction): HostFunction {
  return Object.defineProperty(call, 'bind', { value: () => call, configurable: true })
}
