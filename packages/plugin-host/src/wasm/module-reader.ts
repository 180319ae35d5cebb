/**
 * Reads the outline of a module (core specification, section 5.5): its sections in their order, its types, and who
 * imports, defines, exports and refers to what. Function bodies are only found here; `function-plan.ts` reads them.
 */
import { ByteReader } from './byte-reader.ts'
import { readConstant } from './constant-expression.ts'
import { MODULE_LIMITS } from './module-limits.ts'
import {
  type External,
  type ExternalKind,
  type FunctionSignature,
  type GlobalType,
  type SizeLimits,
  type TableType,
  type ValueType,
  readGlobalType,
  readKind,
  readMemoryType,
  readSignature,
  readTableType,
} from './module-types.ts'
import { refuse } from './refuse-module.ts'
import { SECTION, type Section, type Span, placeOf } from './sections.ts'

/** What a module wants to be given. */
export type ModuleImport = External & { readonly module: string; readonly name: string }

/** Something that a module exports, by its index among those of its kind. */
export interface IndexedExport {
  readonly name: string
  readonly kind: ExternalKind
  readonly index: number
}

/** A module as it was written. Of everything that has an index the imported ones come first. */
export class ModuleReader {
  readonly bytes: Uint8Array
  readonly sections: Section[] = []
  readonly types: FunctionSignature[] = []
  readonly imports: ModuleImport[] = []
  /** The index of each function's type. */
  readonly functions: number[] = []
  importedFunctions = 0
  readonly tables: TableType[] = []
  readonly memories: SizeLimits[] = []
  readonly globals: GlobalType[] = []
  readonly exports: IndexedExport[] = []
  start: number | undefined
  /** Functions in element segments and initial values; plans of functions add those that they refer to. */
  readonly referenced: Set<number> = new Set()
  readonly bodies: Span[] = []
  #hasVectors: boolean | undefined

  /** @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE` for what is no module, or uses what is not taken */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    const reader = new ByteReader(bytes)
    reader.skip(8)
    let last = -1
    while (!reader.isDone) {
      const at = reader.at
      const section = readSection(reader)
      if (this.sections.length >= MODULE_LIMITS.sections) refuse('it has too many sections', at)
      this.sections.push(section)
      if (section.id === SECTION.custom) continue
      const place = placeOf(section.id)
      if (place <= last) refuse(`section ${section.id} is out of order`, at)
      last = place
      const part = new ByteReader(bytes, section.from, section.to)
      this.#read(section.id, part)
      if (!part.isDone) refuse(`section ${section.id} has bytes left over`, part.at)
    }
    if (this.bodies.length !== this.functions.length - this.importedFunctions) refuse('functions lack their bodies')
  }

  /** What a function takes and gives. */
  signatureOf(functionIndex: number): FunctionSignature {
    return this.types[this.functions[functionIndex]!]!
  }

  /** Whether vectors are passed between functions. */
  get hasVectors(): boolean {
    this.#hasVectors ??=
      this.globals.some(({ value }) => isVector(value)) ||
      this.types.some(({ parameters, results }) => parameters.some(isVector) || results.some(isVector))
    return this.#hasVectors
  }

  /** How many of a kind are imported. */
  importedOf(kind: ExternalKind): number {
    return this.imports.filter((each) => each.kind === kind).length
  }

  #read(id: number, part: ByteReader): void {
    if (id === SECTION.type) this.#readTypes(part)
    else if (id === SECTION.import) this.#readImports(part)
    else if (id === SECTION.function) this.#readFunctions(part)
    else if (id === SECTION.table) this.#readTables(part)
    else if (id === SECTION.memory) this.#readMemories(part)
    else if (id === SECTION.global) this.#readGlobals(part)
    else if (id === SECTION.export) this.#readExports(part)
    else if (id === SECTION.start) this.start = part.u32()
    else if (id === SECTION.element) this.#readElements(part)
    else if (id === SECTION.code) this.#readBodies(part)
    else if (id === SECTION.data) this.#readData(part)
    else part.u32()
  }

  #readTypes(part: ByteReader): void {
    for (let left = part.count('types', MODULE_LIMITS.types); left > 0; left--) this.types.push(readSignature(part))
  }

  #readImports(part: ByteReader): void {
    for (let left = part.count('imports', MODULE_LIMITS.imports); left > 0; left--) {
      const module = part.name()
      const name = part.name()
      const kind = readKind(part)
      if (kind === 'function') {
        const type = part.u32()
        this.functions.push(type)
        this.importedFunctions++
        this.imports.push({ module, name, kind, type: this.types[type]! })
      } else if (kind === 'table') {
        const type = readTableType(part)
        this.tables.push(type)
        this.imports.push({ module, name, kind, type })
      } else if (kind === 'memory') {
        const type = readMemoryType(part)
        this.memories.push(type)
        this.imports.push({ module, name, kind, type })
      } else {
        const type = readGlobalType(part)
        this.globals.push(type)
        this.imports.push({ module, name, kind, type })
      }
    }
  }

  #readFunctions(part: ByteReader): void {
    for (let left = part.count('functions', MODULE_LIMITS.functions); left > 0; left--) this.functions.push(part.u32())
  }

  #readTables(part: ByteReader): void {
    for (let left = part.count('tables', MODULE_LIMITS.tables); left > 0; left--) this.tables.push(readTableType(part))
  }

  #readMemories(part: ByteReader): void {
    for (let left = part.count('memories', 1); left > 0; left--) this.memories.push(readMemoryType(part))
  }

  #readGlobals(part: ByteReader): void {
    for (let left = part.count('globals', MODULE_LIMITS.globals); left > 0; left--) {
      this.globals.push(readGlobalType(part))
      readConstant(part, this.referenced)
    }
  }

  #readExports(part: ByteReader): void {
    for (let left = part.count('exports', MODULE_LIMITS.exports); left > 0; left--) {
      const name = part.name()
      const kind = readKind(part)
      this.exports.push({ name, kind, index: part.u32() })
    }
  }

  /** Segments have eight shapes; the bits of their flags say which fields are there (section 5.5.12). */
  #readElements(part: ByteReader): void {
    for (let left = part.count('element segments', MODULE_LIMITS.elementSegments); left > 0; left--) {
      const at = part.at
      const flags = part.u32()
      if (flags > 7) refuse(`an element segment has the unknown flags ${flags}`, at)
      const isActive = (flags & 1) === 0
      if (isActive && (flags & 2) !== 0) part.u32()
      if (isActive) readConstant(part, this.referenced)
      // What kind of elements they are: the two oldest shapes leave it out.
      if ((flags & 3) !== 0) part.u8()
      const areExpressions = (flags & 4) !== 0
      for (let items = part.count('elements', MODULE_LIMITS.moduleBytes); items > 0; items--) {
        if (areExpressions) readConstant(part, this.referenced)
        else this.referenced.add(part.u32())
      }
    }
  }

  #readBodies(part: ByteReader): void {
    for (let left = part.count('functions', MODULE_LIMITS.functions); left > 0; left--) {
      const at = part.at
      const size = part.u32()
      const from = part.at
      part.skip(size)
      if (size > MODULE_LIMITS.bodyBytes)
        refuse(`a function has ${size} bytes, of which ${MODULE_LIMITS.bodyBytes} are allowed`, at)
      this.bodies.push({ from, to: part.at })
    }
  }

  #readData(part: ByteReader): void {
    for (let left = part.count('data segments', MODULE_LIMITS.dataSegments); left > 0; left--) {
      const at = part.at
      const flags = part.u32()
      if (flags > 2) refuse(`a data segment has the unknown flags ${flags}`, at)
      if (flags === 2) part.u32()
      if (flags !== 1) readConstant(part, this.referenced)
      part.skip(part.u32())
    }
  }
}

function readSection(reader: ByteReader): Section {
  const at = reader.at
  const id = reader.u8()
  if (id !== SECTION.custom && placeOf(id) < 0)
    refuse(id === 13 ? 'it uses exceptions' : `it has an unknown section ${id}`, at)
  const size = reader.u32()
  const from = reader.at
  reader.skip(size)
  const name = id === SECTION.custom ? new ByteReader(reader.bytes, from, reader.at).name() : undefined
  return { id, from, to: reader.at, name }
}

const isVector = (type: ValueType): boolean => type === 'v128'
