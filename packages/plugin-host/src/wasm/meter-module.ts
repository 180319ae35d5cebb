/**
 * Rewrites a module so that it can be run on the event loop: it pays for what it does, and stops when it can't; its memory
 * and its tables stay below their limits; nothing of it runs before the host has given it fuel.
 *
 * Added are two exported globals (fuel, stack), an export for the start function in place of the start section, and code in
 * each function. No index changes, so element segments, exports and the name section stay as they are; other custom
 * sections are dropped, since debugging information would point to the wrong places. The same bytes and options always
 * give the same module.
 */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { FUEL_EXPORT, STACK_EXPORT, START_EXPORT } from './fuel-gauge.ts'
import { FunctionPlanner } from './function-plan.ts'
import { FunctionWriter } from './function-writer.ts'
import { type MeterOptions, type ResolvedMeterOptions, resolveMeterOptions } from './meter-options.ts'
import { MODULE_LIMITS } from './module-limits.ts'
import type { ModuleReader } from './module-reader.ts'
import { type FunctionSignature, byteOf } from './module-types.ts'
import { END, I32_CONST } from './opcodes.ts'
import { readModule } from './read-module.ts'
import { refuse } from './refuse-module.ts'
import { SECTION, type Section, placeOf } from './sections.ts'
import { stackCharges } from './stack-charges.ts'

/**
 * The metered module. Its global `sluice:fuel` is 0 at first: set it (see {@link FuelGauge}) before each call. Below zero a
 * call ends with a `RuntimeError`; the instance is then in an unknown state and has to be thrown away.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE` for what is no valid module, uses what is not taken, imports a memory or a
 *   table, or begins with more than the options allow
 * @throws {ConfigError} for an option out of its range
 */
export function meterModule(bytes: Uint8Array, options: MeterOptions): Uint8Array<ArrayBuffer> {
  const resolved = resolveMeterOptions(options)
  const module = readModule(bytes)
  checkLimits(module, resolved)
  return new ModuleWriter(module, resolved).write()
}

function checkLimits(module: ModuleReader, { maxPages, maxTableEntries }: ResolvedMeterOptions): void {
  for (const { module: from, name, kind } of module.imports)
    if (kind === 'memory' || kind === 'table') refuse(`it imports a ${kind}, ${JSON.stringify(`${from}.${name}`)}`)
  const pages = module.memories[0]?.initial ?? 0
  if (pages > maxPages) refuse(`its memory begins with ${pages} pages, of which ${maxPages} are allowed`)
  const entries = module.tables.reduce((sum, { initial }) => sum + initial, 0)
  if (entries > maxTableEntries)
    refuse(`its tables begin with ${entries} entries, of which ${maxTableEntries} are allowed`)
}

/** What is written where the module has no such section. */
const ADDED_SECTIONS = [SECTION.global, SECTION.export]

class ModuleWriter {
  readonly #module: ModuleReader
  readonly #options: ResolvedMeterOptions
  readonly #out: ByteWriter
  /** The section at hand. */
  readonly #part: ByteWriter
  /** Types for blocks with several results, which are added behind those of the module. */
  readonly #blockTypes: FunctionSignature[] = []

  constructor(module: ModuleReader, options: ResolvedMeterOptions) {
    this.#module = module
    this.#options = options
    this.#out = new ByteWriter(module.bytes.length * 2, MODULE_LIMITS.meteredBytes)
    this.#part = new ByteWriter(module.bytes.length * 2, MODULE_LIMITS.meteredBytes)
  }

  write(): Uint8Array<ArrayBuffer> {
    const { bytes, sections } = this.#module
    // Types are written before the code that asks for more of them.
    const code = this.#meterCode()
    const kept = sections.filter(({ id }) => id !== SECTION.custom && id !== SECTION.start)
    const added = ADDED_SECTIONS.filter((id) => !kept.some((section) => section.id === id))
    const all = [...kept, ...added.map((id): Section => ({ id, from: 0, to: 0, name: undefined }))]
    this.#out.bytes(bytes, 0, 8)
    for (const section of all.toSorted((a, b) => placeOf(a.id) - placeOf(b.id))) {
      this.#part.clear()
      if (section.id === SECTION.code) this.#part.append(code)
      else this.#writeSection(section)
      this.#out.u8(section.id)
      this.#out.sized(this.#part)
    }
    this.#writeNames()
    return this.#out.finish()
  }

  #writeSection(section: Section): void {
    if (section.id === SECTION.type) this.#writeTypes(section)
    else if (section.id === SECTION.table) this.#writeTables()
    else if (section.id === SECTION.memory) this.#writeMemory()
    else if (section.id === SECTION.global) this.#writeGlobals(section)
    else if (section.id === SECTION.export) this.#writeExports(section)
    else this.#part.bytes(this.#module.bytes, section.from, section.to)
  }

  #writeTypes(section: Section): void {
    this.#extend(section, this.#module.types.length, this.#blockTypes.length)
    for (const { results } of this.#blockTypes) {
      this.#part.u8(0x60)
      this.#part.u32(0)
      this.#part.u32(results.length)
      for (const type of results) this.#part.u8(byteOf(type))
    }
  }

  #writeTables(): void {
    const { tables } = this.#module
    this.#part.u32(tables.length)
    for (const { element, initial, maximum } of tables) {
      this.#part.u8(byteOf(element))
      this.#writeLimits(initial, maximum, this.#options.maxTableEntries)
    }
  }

  #writeMemory(): void {
    const { memories } = this.#module
    this.#part.u32(memories.length)
    for (const { initial, maximum } of memories) this.#writeLimits(initial, maximum, this.#options.maxPages)
  }

  #writeLimits(initial: number, maximum: number | undefined, most: number): void {
    this.#part.u8(1)
    this.#part.u32(initial)
    this.#part.u32(Math.min(maximum ?? most, most))
  }

  #writeGlobals(section: Section): void {
    this.#extend(section, this.#module.globals.length - this.#module.importedOf('global'), 2)
    for (const initial of [0, this.#options.stackBytes]) {
      this.#part.u8(byteOf('i32'))
      this.#part.u8(1)
      this.#part.u8(I32_CONST)
      this.#part.s32(initial)
      this.#part.u8(END)
    }
  }

  #writeExports(section: Section): void {
    const { exports, globals, start } = this.#module
    this.#extend(section, exports.length, start === undefined ? 2 : 3)
    this.#writeExport(FUEL_EXPORT, 3, globals.length)
    this.#writeExport(STACK_EXPORT, 3, globals.length + 1)
    if (start !== undefined) this.#writeExport(START_EXPORT, 0, start)
  }

  #writeExport(name: string, kind: number, index: number): void {
    this.#part.name(name)
    this.#part.u8(kind)
    this.#part.u32(index)
  }

  /** Copies a vector that gets `added` more entries. */
  #extend(section: Section, count: number, added: number): void {
    const { bytes } = this.#module
    const reader = new ByteReader(bytes, section.from, section.to)
    if (section.to > section.from) reader.u32()
    this.#part.u32(count + added)
    this.#part.bytes(bytes, reader.at, section.to)
  }

  #meterCode(): ByteWriter {
    const module = this.#module
    const { maxTableEntries, hostCallFuel } = this.#options
    const code = new ByteWriter(module.bytes.length * 2, MODULE_LIMITS.meteredBytes)
    const part = new ByteWriter(4_096, MODULE_LIMITS.meteredBytes)
    const prices = { host: hostCallFuel, indirect: canReachHost(module) ? hostCallFuel : 0 }
    const signatureOf = (index: number): FunctionSignature => module.signatureOf(module.importedFunctions + index)
    let weight = 0
    const planner = new FunctionPlanner(module, prices)
    const plans = module.bodies.map((body, index) => {
      const plan = planner.plan(body, signatureOf(index))
      weight += plan.weight
      if (weight > MODULE_LIMITS.moduleWeight) refuse('its functions have too many branches and variables', body.from)
      return plan
    })
    const frames = stackCharges(plans, (index) => module.referenced.has(module.importedFunctions + index))
    const fuel = module.globals.length
    const writer = new FunctionWriter(part, planner, { bytes: module.bytes, fuel, stack: fuel + 1, maxTableEntries })
    code.u32(plans.length)
    for (const [index, plan] of plans.entries()) {
      part.clear()
      writer.write(plan, this.#blockTypeOf(signatureOf(index)), frames[index]!)
      code.sized(part)
    }
    return code
  }

  /** The type of a block with a function's results. */
  #blockTypeOf({ results }: FunctionSignature): number {
    if (results.length === 0) return -64
    if (results.length === 1) return byteOf(results[0]!) - 128
    const isSame = (type: FunctionSignature): boolean => type.results.join() === results.join()
    const known = this.#blockTypes.findIndex(isSame)
    if (known >= 0) return this.#module.types.length + known
    return this.#module.types.length + this.#blockTypes.push({ parameters: [], results }) - 1
  }

  /** Names are for stack traces; they stand at the end, as their section says. */
  #writeNames(): void {
    const { bytes, sections } = this.#module
    const section = sections.find(({ name }) => name === 'name')
    if (section === undefined) return
    this.#out.u8(SECTION.custom)
    this.#out.u32(section.to - section.from)
    this.#out.bytes(bytes, section.from, section.to)
  }
}

/** Whether a call through a table may be one of the host: an exported function may be referred to anywhere. */
function canReachHost({ referenced, exports, importedFunctions }: ModuleReader): boolean {
  const exported = exports.flatMap(({ kind, index }) => (kind === 'function' ? index : []))
  return [...referenced, ...exported].some((index) => index < importedFunctions)
}
