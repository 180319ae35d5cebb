/** Runs a module that may be anything, on this thread, and says what became of it. */
import { PluginError } from '@sluice/core'
import { engine, type WasmImports } from '../../src/wasm/engine.ts'
import { FuelGauge } from '../../src/wasm/fuel-gauge.ts'
import { inspectModule, type ModuleOutline } from '../../src/wasm/inspect-module.ts'
import { meterModule } from '../../src/wasm/meter-module.ts'

/** How it ended; anything else is thrown, and a fault of ours. */
export type Fate = 'refused' | 'not started' | 'finished' | 'out of fuel' | 'too deep' | 'trapped'

const MAX_PAGES = 40
const FUEL = 100_000
/** What a call may take, on a machine that has other things to do. */
const MAX_MS = 2_000

/** @throws {Error} when it escapes its limits, or brings out an error that is not among those that are expected */
export function survive(bytes: Uint8Array): Fate {
  let outline: ModuleOutline
  let metered: Uint8Array
  try {
    outline = inspectModule(bytes)
    metered = meterModule(bytes, { maxPages: MAX_PAGES, maxTableEntries: 2_000 })
  } catch (error) {
    if (PluginError.is(error) && error.code === 'ERR_SLUICE_PLUGIN_MODULE') return 'refused'
    throw error
  }
  // The engine refuses what was metered wrongly: that is thrown, and a failure.
  const module = new engine.Module(metered)
  const start = performance.now()
  const fate = run(module, outline)
  const ms = performance.now() - start
  if (ms > MAX_MS) throw new Error(`it ran for ${ms} ms`)
  return fate
}

function run(module: object, outline: ModuleOutline): Fate {
  let gauge: FuelGauge | undefined
  let pages = 0
  try {
    const { exports } = new engine.Instance(module, importsFor(outline))
    gauge = new FuelGauge(exports)
    gauge.fill(FUEL)
    gauge.start()
    for (const { name, kind, type } of outline.exports) {
      if (kind !== 'function') continue
      gauge.fill(FUEL)
      const args = type.parameters.map((parameter, index) => (parameter === 'i64' ? BigInt(index) : index + 1))
      ;(exports[name] as (...args: readonly (number | bigint)[]) => unknown)(...args)
    }
    for (const value of Object.values(exports)) pages = Math.max(pages, pagesOf(value))
    if (pages > MAX_PAGES) throw new Error(`it has ${pages} pages`)
  } catch (error) {
    return fateOf(error, gauge)
  }
  return 'finished'
}

function fateOf(error: unknown, gauge: FuelGauge | undefined): Fate {
  const isExpected =
    error instanceof engine.RuntimeError ||
    // The engine's own stack, and values that JavaScript can't pass.
    error instanceof RangeError ||
    error instanceof TypeError ||
    error instanceof engine.LinkError
  if (!isExpected) throw error
  if (gauge === undefined) return 'not started'
  if (gauge.left < -1 || gauge.left > FUEL) throw new Error(`it has ${gauge.left} of ${FUEL} left`, { cause: error })
  if (gauge.isEmpty) return 'out of fuel'
  return gauge.isTooDeep ? 'too deep' : 'trapped'
}

function importsFor(outline: ModuleOutline): WasmImports {
  const imports: Record<string, Record<string, unknown>> = {}
  for (const { module, name, kind, type } of outline.imports) {
    imports[module] ??= {}
    if (kind === 'function') imports[module][name] = () => (type.results[0] === 'i64' ? 0n : 0)
  }
  return imports
}

function pagesOf(value: unknown): number {
  const buffer = (value as { buffer?: ArrayBuffer }).buffer
  return buffer === undefined ? 0 : buffer.byteLength / 65_536
}
